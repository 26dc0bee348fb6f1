/// What an execution environment is doing, without any I/O: calls and events go in, what to do comes out.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
struct EnvironmentState: Equatable {
    enum Phase: Equatable {
        /// Started, and has not asked for its first event.
        case initializing
        /// Asked for an event and waits.
        case idle
        /// Works on an event.
        case busy(requestID: String)
        /// Has answered, and has not asked for the next event.
        case returning(requestID: String)
        /// Told to end, or ended.
        case ended
    }

    /// What a call of the Runtime API leads to.
    enum Action: Equatable {
        /// INIT is over, or the environment came back: give it an event when there is one.
        case park(first: Bool)
        /// The client asked once more: only the newest of its connections waits.
        case parkAgain
        case complete(requestID: String)
        case completeTooLarge(requestID: String)
        case fail(requestID: String)
        case failInit
        /// Not in this state.
        case refuse(from: String, to: String)
        case refuseRequestID
        case unknownCall
    }

    private(set) var phase = Phase.initializing

    mutating func receive(_ call: RuntimeCall?, bodyBytes: Int, maximumBody: Int) -> Action {
        guard let call else { return .unknownCall }
        switch (phase, call) {
        case (.initializing, .next):
            phase = .idle
            return .park(first: true)
        case (.returning, .next):
            phase = .idle
            return .park(first: false)
        case (.idle, .next): return .parkAgain
        case (.initializing, .initError):
            phase = .ended
            return .failInit
        case (.busy(let id), .response(let named)):
            guard id == named else { return .refuseRequestID }
            phase = .returning(requestID: id)
            return bodyBytes > maximumBody ? .completeTooLarge(requestID: id) : .complete(requestID: id)
        case (.busy(let id), .error(let named)):
            guard id == named else { return .refuseRequestID }
            phase = .returning(requestID: id)
            return .fail(requestID: id)
        case (_, .next): return .refuse(from: name, to: "Ready")
        case (_, .response): return .refuse(from: name, to: "InvocationResponse")
        case (_, .error): return .refuse(from: name, to: "InvocationErrorResponse")
        case (_, .initError): return .refuse(from: name, to: "InitError")
        }
    }

    /// An idle environment gets an event.
    mutating func begin(_ requestID: String) {
        guard phase == .idle else { return }
        phase = .busy(requestID: requestID)
    }

    mutating func end() { phase = .ended }

    /// The state's name in Lambda's error messages.
    private var name: String {
        switch phase {
        case .initializing: "Started"
        case .idle: "Ready"
        case .busy: "Running"
        case .returning: "InvocationResponse"
        case .ended: "Exited"
        }
    }
}
