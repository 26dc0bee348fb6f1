import Foundation

extension TestProject {
    /// A pipeline from a file to a step: what lands in `raw` goes to the function in `functions/gate`; where that answers and the
    /// key begins with `good/`, a state machine runs one step for it. What stands in for Spark notes each run in
    /// ``ledger`` and then runs the given shell commands.
    static func chain(_ more: String = "", thenSteps script: String = "") throws -> TestProject {
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Resources:
                  Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
                  Gate:
                    Type: AWS::Serverless::Function
                    Properties:
                      FunctionName: gate
                      CodeUri: gate/
                      Handler: bootstrap
                      Runtime: provided.al2023
                      Timeout: 60
                      Events:
                        Landed:
                          Type: S3
                          Properties: {Bucket: !Ref Raw, Events: 's3:ObjectCreated:*'}
                      EventInvokeConfig:
                        DestinationConfig:
                          OnSuccess:
                            Type: EventBridge
                            Destination: !Sub arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default
                  Passed:
                    Type: AWS::Events::Rule
                    Properties:
                      Name: passed
                      EventPattern:
                        source: [lambda]
                        detail:
                          requestPayload:
                            Records: {s3: {object: {key: [{prefix: good/}]}}}
                      Targets:
                        - {Id: pipeline, Arn: !Ref Pipeline, RoleArn: !Sub 'arn:aws:iam::${AWS::AccountId}:role/start'}
                  Pipeline:
                    Type: AWS::Serverless::StateMachine
                    Properties:
                      Name: pipeline
                      DefinitionUri: pipeline.asl.json
                      DefinitionSubstitutions: {ClusterId: !Ref Cluster}
                  Cluster:
                    Type: AWS::EMR::Cluster
                    Properties:
                      Name: etl
                      ReleaseLabel: emr-7.9.0
                      StepConcurrencyLevel: 8
                      JobFlowRole: EMR_EC2_DefaultRole
                      ServiceRole: EMR_DefaultRole
                      Instances: {KeepJobFlowAliveWhenNoSteps: true}
                \(more)
                """)
        try project.write(
            """
            {"StartAt": "Step", "States": {"Step": {"Type": "Task", "End": true,
              "Resource": "arn:aws:states:::elasticmapreduce:addStep.sync",
              "Parameters": {"ClusterId": "${ClusterId}", "Step": {"Name": "etl", "ActionOnFailure": "CONTINUE",
                "HadoopJarStep": {"Jar": "command-runner.jar", "Args.$": "States.Array('spark-submit', 's3://raw/job.py',
                   $.detail.requestPayload.Records[0].s3.object.key, $.detail.requestPayload.Records[0].s3.object.sequencer)"}}}}}}
            """.replacingOccurrences(of: "\n       ", with: " "), to: "functions/pipeline.asl.json")
        // One line a run, written at once, where everybody sees it.
        try project.installSpark(
            script: """
                for last; do before=$key; key=$last; done
                echo "$before $key" >> \(project.ledger)
                \(script)
                """)
        return project
    }

    /// Where each run of a step is noted: `KEY SEQUENCER`.
    var ledger: String { root + "/ledger" }
}
