import Events
import GRDB
import Storage
import Testing

@testable import Lambda

/// How SQLite finds the rows: a table that grows with the work is never read whole.
@Suite("Query plans of the queue")
struct QueryPlanTests {
    private struct Statements: Sendable {
        let box = LambdaHarness.Box()

        func note(_ event: Database.TraceEvent) {
            if case .statement(let statement) = event { box.insert(statement.sql) }
        }
    }

    @Test("whatever the queue asks of its tables goes through an index")
    func plans() async throws {
        let harness = try LambdaHarness()
        let statements = Statements()
        try await harness.store.write { connection in
            connection.database.trace(options: .statement) { statements.note($0) }
        }
        let missing = ARN(service: "sqs", region: "us-east-1", account: "1", resource: "missing")
        try await harness.service.start(functions: [
            harness.hostile {
                $0.eventInvokeConfig = EventInvokeConfig(maximumRetryAttempts: 0)
                $0.eventInvokeConfig.onSuccess = missing
            },
            harness.hostile("again") { $0.eventInvokeConfig = EventInvokeConfig(maximumRetryAttempts: 1) },
            harness.hostile("stopped") { $0.reservedConcurrentExecutions = 0 },
        ])
        harness.supersede("old.csv")
        let version = ObjectVersion(bucket: "raw", key: "old.csv", sequencer: Sequencer(1))
        let fail = Array(#"{"do":"raise"}"#.utf8)
        let ids = [
            try await harness.service.invokeAsync(function: "hostile", payload: Array("{}".utf8)),
            try await harness.service.invokeAsync(function: "hostile", payload: fail),
            try await harness.service.invokeAsync(function: "hostile", payload: fail, source: version),
            try await harness.service.invokeAsync(function: "stopped", payload: fail),
        ]
        let retried = try await harness.service.invokeAsync(function: "again", payload: fail)
        try await harness.wait { connection in
            try ids.allSatisfy { try LambdaStore.invocation(requestID: $0, in: connection)?.state != .queued }
                && LambdaStore.invocation(requestID: retried, in: connection)?.tries == 1
        }
        _ = try await harness.service.redrive([1, 2, 3, 4])
        try await harness.store.write { connection in
            let now = harness.time.now
            _ = try LambdaStore.depths(at: now, in: connection)
            _ = try LambdaStore.figures(in: connection)
            _ = try LambdaStore.queued(in: connection)
            _ = try LambdaStore.deadLetters(in: connection)
            _ = try LambdaStore.deadLetterIDs(limit: 10, in: connection)
            _ = try LambdaStore.deadLetterCount(in: connection)
            _ = try LambdaStore.invocations(bucket: "raw", key: "old.csv", in: connection)
            _ = try LambdaStore.attempts(requestID: retried, in: connection)
            _ = try LambdaStore().prune(before: now + .seconds(1), after: 0, in: connection)
        }
        let plans = try await harness.store.write { connection in
            connection.database.trace(options: .statement, nil)
            return try statements.box.all.filter { $0.contains("lambda_") && !$0.contains("EXPLAIN") }.map { sql in
                let statement = try connection.database.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
                // The plan does not depend on them.
                statement.setUncheckedArguments(StatementArguments())
                return (sql, try Row.fetchAll(statement).map { $0["detail"] as String })
            }
        }
        #expect(plans.count > 20, "the statements are seen: the rule below does not hold because there were none")
        for (sql, plan) in plans {
            for step in plan {
                let readsAll =
                    step.hasPrefix("SCAN lambda_") && !step.contains("USING") && !sql.contains("lambda_function")
                #expect(!readsAll, "\(sql)\n\(plan)")
            }
            if !sql.contains("GROUP BY"), !sql.contains("?1 IS NULL") {
                #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(sql)\n\(plan)")
            }
        }
        await harness.close()
    }

    @Test("what is old goes, and dead letters stay, however many lie in the way")
    func prune() async throws {
        let harness = try LambdaHarness()
        try await harness.store.write { connection in
            for number in 1...5000 {
                let state = number <= 3000 ? "FAILED" : number.isMultiple(of: 2) ? "SUCCEEDED" : "QUEUED"
                try connection.execute(
                    """
                    INSERT INTO lambda_invocation (request_id, function, state, trace, received, due, ended)
                    VALUES (?, 'f', ?, '', ?, 0, ?)
                    """, ["\(number)", state, number, state == "QUEUED" ? nil : number])
            }
            var last: Int64 = 0
            for _ in 0..<4 {
                last = try LambdaStore().prune(before: Timestamp(milliseconds: 4001), after: last, in: connection)
            }
            #expect(last == 4000)
        }
        let left = try await harness.store.read { connection in
            try connection.rows("SELECT state, count(*) AS count FROM lambda_invocation GROUP BY state ORDER BY state")
                .map { "\($0["state"] as String) \($0["count"] as Int)" }
        }
        #expect(left == ["FAILED 3000", "QUEUED 1000", "SUCCEEDED 500"])
        await harness.close()
    }
}
