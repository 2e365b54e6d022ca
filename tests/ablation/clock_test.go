package ablation_test

// ofTheClock take out what is done against wrong clocks, lost leases and forgetful stores.
func ofTheClock() []ablation {
	return []ablation{
		{
			safeguard: "a request is held back when it is too late", file: "attempt.go", in: ".", by: "TestTheBodyIsHeldBackWhenTheKeysLifeEndsOnTheWay",
			text: "return !now.Before(a.before) ||", instead: "return !now.Before(a.before) && !ABLATED ||",
		},
		{
			safeguard: "who slept between mark and wire sends nothing", file: "protocol.go", in: ".", by: "TestASenderWhoSleptBetweenMarkAndWireSendsNothing",
			text: "patience := now.Add(p.maxInFlight / 2)", instead: "patience := now.Add(p.maxInFlight / 2)\n\tif ABLATED { patience = s.LastAt.Add(1000 * p.maxInFlight) }",
		},
		{
			safeguard: "a mark is never older than what the store holds", file: "protocol.go", in: ".", by: "TestAMarkIsNeverOlderThanWhatTheStoreHolds",
			text: "s.LastAt = latest(e.now, s.newest)", instead: "s.LastAt = latest(e.now, s.newest)\n\tif ABLATED { s.LastAt = e.now }",
		},
		{
			safeguard: "the wall clock is not believed against the call's own time", file: "protocol.go", in: ".", by: "TestTheWallClockIsNotBelievedAgainstTheCallsOwnTime",
			text: "e.now.Before(known) {", instead: "e.now.Before(known) && !ABLATED {",
		},
		{
			safeguard: "who is behind the store sends nothing again", file: "protocol.go", in: ".", by: "TestSomebodyElsesTimesTellTooThatTheClockIsBehind",
			text: "case s.newest.Sub(now) >", instead: "case !ABLATED && s.newest.Sub(now) >",
		},
		{
			safeguard: "a mark in the future tells no age", file: "protocol.go", in: ".", by: "TestAMarkOfAClockThatWasAheadIsNotWaitedFor",
			text: "&& ahead < lostBattery:", instead: "&& ahead < lostBattery && !ABLATED:",
		},
		{
			safeguard: "a process remembers the latest time that it saw", file: "clock.go", in: "tests", by: "TestWrongClocks",
			text: "return c.carried(now.mono).Truncate(time.Microsecond)", instead: "if ABLATED { return now.wall }\n\treturn c.carried(now.mono).Truncate(time.Microsecond)",
			env: "PAYONCE_CLOCK=back by 12h0m0s before recovery, looked at after the key's life by the same process",
		},
		{
			safeguard: "nothing is proved while the clock is unsure", file: "clock.go", in: ".", by: "TestNotExecutedIsNotBelievedRightAfterTheClockJumped",
			text: "if c.parted.IsZero() {", instead: "if c.parted.IsZero() || ABLATED {",
		},
		{
			safeguard: "a suspended host's wall clock counts", file: "attempt.go", in: "tests", by: "TestWrongClocks",
			text: "now := latest(c.clock.now(), readAt.Add(time.Since(started)))", instead: "now := latest(c.clock.now(), readAt.Add(time.Since(started)))\n\t\tif ABLATED { now = readAt.Add(time.Since(started)) }",
			env: "PAYONCE_CLOCK=suspended for 960h0m0s after a retry's mark",
		},
		{
			safeguard: "a holder stops before its lease is over", file: "lease.go", in: ".", by: "TestAHolderStopsBeforeItsLeaseIsOver",
			text: "return ok &&", instead: "return ok && !ABLATED &&",
		},
		{
			safeguard: "a lease that ran out is not found again", file: "flight.go", in: ".", by: "TestALeaseThatWasLostIsNotFoundAgain",
			text: "asked.wall.Sub(f.since.wall)) <= trust {", instead: "asked.wall.Sub(f.since.wall)) <= trust || ok && ABLATED {",
		},
		{
			safeguard: "a restored store may have forgotten an attempt", file: "protocol.go", in: ".", by: "TestTheKeysLifeCountsFromTheCreationOfWhatWasRestored",
			text: "if !s.restored || s.Final() {", instead: "if !s.restored || s.Final() || ABLATED {",
		},
		{
			safeguard: "what a wrong clock put off is recovered", file: "recover.go", in: ".", by: "TestWhatAWrongClockPutOffIsRecovered",
			text: "case !filter.DueBefore.IsZero():", instead: "case !filter.DueBefore.IsZero() && !ABLATED:",
		},
	}
}
