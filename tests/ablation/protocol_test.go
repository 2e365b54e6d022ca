package ablation_test

// ofTheProtocol take safeguards out of step, the pure function that decides.
func ofTheProtocol() []ablation {
	return []ablation{
		{
			safeguard: "a key is not sent after its life", file: "protocol.go", in: ".", by: "TestAfterTheKeysLifeNothingIsResent",
			text: "case !before.IsZero() && !now.Before(before):", instead: "case !before.IsZero() && !now.Before(before) && (!ABLATED || before.Equal(s.notAfter)):",
		},
		{
			safeguard: "there is a margin before the end of a key's life", file: "retry.go", in: ".", by: "TestTheSendWindowKeepsAMargin",
			text: "return max(min(life/10*9, life-5*time.Minute), time.Nanosecond)", instead: "if ABLATED { return life }\nreturn max(min(life/10*9, life-5*time.Minute), time.Nanosecond)",
		},
		{
			safeguard: "nothing executes for the first time after NotAfter", file: "protocol.go", in: ".", by: "TestNotAfter",
			text: "if !s.notAfter.IsZero() && (before", instead: "if !ABLATED && !s.notAfter.IsZero() && (before",
		},
		{
			safeguard: "a store that loses marks counts a key's life from the creation", file: "protocol.go", in: ".", by: "TestClaimedRecords",
			text: "case p.lossy:", instead: "case p.lossy && !ABLATED:",
		},
		{
			safeguard: "host, account and credential stay the same", file: "protocol.go", in: ".", by: "TestNothingIsResentUnderAnotherHostOrCredential",
			text: "case !s.pinned:", instead: "case !s.pinned && !ABLATED:",
		},
		{
			safeguard: "what the provider does not dedupe is sent once", file: "protocol.go", in: ".", by: "TestClaimedRecords",
			text: "case s.replay == ReplayOnce && !s.harmless():\n\t\treturn \"", instead: "case s.replay == ReplayOnce && !s.harmless() && !ABLATED:\n\t\treturn \"",
		},
		{
			safeguard: "a refusal needs proof", file: "protocol.go", in: ".", by: "TestAnswers",
			text: "if !s.Accepted && (v.Proven || (v.KeySpent", instead: "if !s.Accepted && (ABLATED || v.Proven || (v.KeySpent",
		},
		{
			safeguard: "a decline needs proof", file: "protocol.go", in: ".", by: "TestAnswers",
			text: "(!s.Accepted && (v.Proven || s.Possible == 1))", instead: "(!s.Accepted && (ABLATED || v.Proven || s.Possible == 1))",
		},
		{
			safeguard: "a decline in a 2xx document closes", file: "protocol.go", in: ".", by: "TestAnswers",
			text: "final := success2xx &&", instead: "final := success2xx && !ABLATED &&",
		},
		{
			safeguard: "a repeat by state that says no proves nothing", file: "protocol.go", in: ".", by: "TestAnswers",
			text: "s.replay != ReplayByState ||", instead: "s.replay != ReplayByState || ABLATED ||",
		},
		{
			safeguard: "a 2xx is never forgotten", file: "protocol.go", in: ".", by: "TestAnswers",
			text: "s.Accepted = s.Accepted || success2xx", instead: "s.Accepted = s.Accepted && !ABLATED || success2xx",
		},
		{
			safeguard: "reuse that the provider reports is in doubt", file: "protocol.go", in: ".", by: "TestAnswers",
			text: "\t\ts.State = StateInDoubt\n\t\treturn s, action{}\n\tcase ClassMismatch:", instead: "\t\tif !ABLATED {\n\t\ts.State = StateInDoubt\n\t\treturn s, action{}\n\t}\n\tcase ClassMismatch:",
		},
		{
			safeguard: "an answer about something else is in doubt", file: "protocol.go", in: ".", by: "TestAnswers",
			text:    "s.State, s.Reason = StateInDoubt, \"the provider answered about another request\"\n\t\treturn s, action{}",
			instead: "if !ABLATED {\n\t\ts.State = StateInDoubt\n\t\treturn s, action{}\n\t}",
		},
		{
			safeguard: "absence is not believed too early", file: "protocol.go", in: ".", by: "TestLookups",
			text: "case early > 0:", instead: "case early > 0 && !ABLATED:",
		},
		{
			safeguard: "absence after a 2xx, or elsewhere, proves nothing", file: "protocol.go", in: ".", by: "TestLookups",
			text: "case s.Accepted || !s.pinned:", instead: "case (s.Accepted || !s.pinned) && !ABLATED:",
		},
		{
			safeguard: "absence of what is said to exist proves nothing", file: "protocol.go", in: ".", by: "TestLookups",
			text: "case s.reused():", instead: "case s.reused() && !ABLATED:",
		},
		{
			safeguard: "a call ends", file: "protocol.go", in: ".", by: "TestTheLimitsOfACall",
			text: "case s.tries >= p.maxAttempts ||", instead: "case s.tries >= p.maxAttempts && !ABLATED ||",
		},
		{
			safeguard: "retries are paid from a budget", file: "budget.go", in: ".", by: "TestTheRetryBudgetEndsAStormOfRetries",
			text: "return b.tokens >= budgetRetry", instead: "return b.tokens >= budgetRetry || ABLATED",
		},
		{
			safeguard: "waits have jitter", file: "retry.go", in: ".", by: "TestWaitsHaveFullJitter",
			text: "e.rnd, e.budget = rand.Float64(), r.budget.left()", instead: "e.rnd, e.budget = rand.Float64(), r.budget.left()\n\tif ABLATED { e.rnd = .9 }",
		},
		{
			safeguard: "what takes its process down is set aside", file: "protocol.go", in: ".", by: "TestAnOperationThatTakesEveryProcessDownIsSetAside",
			text: "if s.deaths() >= maxDeaths {", instead: "if s.deaths() >= maxDeaths && !ABLATED {",
		},
		{
			safeguard: "what may have been executed is not closed when a call ends", file: "protocol.go", in: ".", by: "TestACallerWhoGaveUp",
			text: "case s.harmless() && s.Reached > 0:\n\t\ts.State", instead: "case (s.harmless() || ABLATED) && s.Reached > 0:\n\t\ts.State",
		},
	}
}
