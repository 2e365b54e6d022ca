package ablation_test

// ofTheCall take safeguards out of what obeys the protocol.
func ofTheCall() []ablation {
	return []ablation{
		{
			safeguard: "a retry's mark is durable before it is sent", file: "retry.go", in: ".", by: "TestARetryIsNotSentWhenItsMarkCantBeStored",
			text: "if err := r.save(ctx, r.c.lease); err != nil {", instead: "if err := r.save(ctx, r.c.lease); err != nil && !ABLATED {",
		},
		{
			safeguard: "an operation is durable before it is sent", file: "call.go", in: ".", by: "TestAStoreThatIsDownSendsNothing",
			text: "case errors.Is(loadErr, ErrNotFound) && !marked:", instead: "case errors.Is(loadErr, ErrNotFound) && (!marked || ABLATED):",
		},
		{
			safeguard: "what somebody else is inserting is not called not sent", file: "call.go", in: ".", by: "TestWhatSomebodyElseIsJustInsertingIsUnknown",
			text: "if !errors.Is(err, ErrStale) { // then", instead: "if ABLATED || !errors.Is(err, ErrStale) { // then",
		},
		{
			safeguard: "an error makes no new key", file: "attempt.go", in: ".", by: "TestEveryAttemptSendsTheSameBytesWithTheSameKeyAndFreshCredentials",
			text: "maps.Copy(header, r.credentials)", instead: "maps.Copy(header, r.credentials)\n\tif ABLATED && r.rec.Sent > 1 { header.Set(c.profile.KeyHeader, req.Key+\"-again\") }",
		},
		{
			safeguard: "other content is noticed", file: "call.go", in: ".", by: "TestOtherContentUnderTheSameReferenceIsCaughtBeforeTheNetwork",
			text: "case !hmac.Equal(draft.Fingerprint, stored.Fingerprint):", instead: "case !hmac.Equal(draft.Fingerprint, stored.Fingerprint) && !ABLATED:",
		},
		{
			safeguard: "a stored request that was changed is noticed", file: "call.go", in: ".", by: "TestADamagedRecordIsNotSent",
			text: "case marked && !hmac.Equal(rec.Seal,", instead: "case marked && !ABLATED && !hmac.Equal(rec.Seal,",
		},
		{
			safeguard: "whose an answer is goes by the order on the connection", file: "attempt.go", in: ".", by: "TestWhoseAnAnswerIsGoesByTheOrderOnTheConnection",
			text: "(turn.wait(ctx) != nil ||", instead: "(!ABLATED && turn.wait(ctx) != nil ||",
		},
		{
			safeguard: "a stray refusal is noticed", file: "attribution.go", in: ".", by: "TestAStrayRefusalIsNotTaken",
			text: "if r.rec.Replay != ReplayKeyed ||", instead: "if (ABLATED && class != ClassSucceeded) || r.rec.Replay != ReplayKeyed ||",
		},
		{
			safeguard: "a restored store gives no new key", file: "generation.go", in: ".", by: "TestARestoredStoreRefusesANewKeyUntilAPersonHasLooked",
			text: "if last.Restored {", instead: "if last.Restored && !ABLATED {",
		},
		{
			safeguard: "a new key needs proof", file: "generation.go", in: ".", by: "TestWhatACallConcludes",
			text:    "return nil, errors.New(\"a new key is refused while the last one may have moved money\")",
			instead: "if !ABLATED { return nil, errors.New(\"a new key is refused while the last one may have moved money\") }",
		},
		{
			safeguard: "a new key retires the old one", file: "generation.go", in: ".", by: "TestANewKeyRetiresTheOldOne",
			text: "if !rec.KeySpent {", instead: "if !rec.KeySpent && !ABLATED {",
		},
		{
			safeguard: "an earlier key's success stops the next one", file: "generation.go", in: ".", by: "TestASuccessThatComesWhileANewKeyIsMadeStopsIt",
			text: "a.do == doSend && generation > 0;", instead: "a.do == doSend && generation > 0 && !ABLATED;",
		},
		{
			safeguard: "a late success wins over a refusal", file: "outcome.go", in: ".", by: "TestALateSuccessWinsOverARefusal",
			text: "case current.State != StateOpen:\n", instead: "case current.State != StateOpen:\n\t\tif ABLATED { return nil }\n",
		},
		{
			safeguard: "a success that is not stored yet is held", file: "outcome.go", in: ".", by: "TestASuccessThatCantBeStoredIsHeldAndToldAtClose",
			text: "if rec.State == StateSucceeded {\n\t\th.by", instead: "if rec.State == StateSucceeded && !ABLATED {\n\t\th.by",
		},
		{
			safeguard: "a refusal is durable before it is told", file: "retry.go", in: ".", by: "TestARefusalIsStoredBeforeItIsTold",
			text: "case r.s.State == StateSucceeded:\n\t\tr.c.saveSuccess", instead: "case r.s.State == StateSucceeded || (ABLATED && r.s.State != StateOpen):\n\t\tr.c.saveSuccess",
		},
		{
			safeguard: "the others wait for the one who sends", file: "flight.go", in: ".", by: "TestAnEventIsHandledOnce",
			text: "if f, ok := fs.by[id]; ok {\n\t\treturn f, false", instead: "if f, ok := fs.by[id]; ok && !ABLATED {\n\t\treturn f, false",
		},
		{
			safeguard: "a live lease is waited for", file: "call.go", in: ".", by: "TestTheOperationOfADeadProcessIsTakenOverWhenItsLeaseHasRunOut",
			text: "rec.Lease.Live && rec.Lease.Holder != c.holder; wait", instead: "rec.Lease.Live && rec.Lease.Holder != c.holder && !ABLATED; wait",
		},
		{
			safeguard: "an answer to another request is noticed", file: "attribution.go", in: ".", by: "TestAStrayAnswerIsNotTaken",
			text: "return owner != id", instead: "return owner != id && !ABLATED",
		},
		{
			safeguard: "suspicious operations are recovered alone", file: "recover.go", in: ".", by: "TestRecoveryWorksOnAFewAtATimeAndOnSuspiciousOnesAlone",
			text: "dead := rec.deaths() > 1", instead: "dead := rec.deaths() > 1 && !ABLATED",
		},
		{
			safeguard: "recovery by itself keeps its pace", file: "recover.go", in: ".", by: "TestRecoveryByItselfKeepsItsPace",
			text: "if every > 0 {", instead: "if every > 0 && !ABLATED {",
		},
		{
			safeguard: "recovery does not spend the callers' retries", file: "recover.go", in: ".", by: "TestRecoveryByItselfDoesNotSpendTheCallersRetries",
			text: "return c.recoverOne(ctx, rec, c.recovery)", instead: "if ABLATED { return c.recoverOne(ctx, rec, c.budget) }\n\treturn c.recoverOne(ctx, rec, c.recovery)",
		},
		{
			safeguard: "NotExecuted is refused while an attempt may be on its way", file: "resolve.go", in: ".", by: "TestResolve",
			text: "&& early > 0:", instead: "&& early > 0 && !ABLATED:",
		},
		{
			safeguard: "a process without the host or the credential leaves it alone", file: "recover.go", in: ".", by: "TestAProcessThatCantFinishAnOperationLeavesItToOthers",
			text: "return !c.pinned(rec) && rec.State", instead: "return !ABLATED && !c.pinned(rec) && rec.State",
		},
		{
			safeguard: "so does a process that is told to run it", file: "recover.go", in: ".", by: "TestAProcessThatCantFinishAnOperationIsNotToldToCloseIt",
			text: "if c.othersHave(rec) {\n\t\ta :=", instead: "if !ABLATED && c.othersHave(rec) {\n\t\ta :=",
		},
	}
}
