package ablation_test

// ofTheWire take safeguards out of one attempt.
func ofTheWire() []ablation {
	const in = "internal/httpx"
	return []ablation{
		{
			safeguard: "a body can't be rewound", file: in + "/httpx.go", in: in, by: "TestOneCallIsOneRequestOnTheWireWhenAWarmConnectionDies",
			text:    "req.GetBody = nil",
			instead: "if ABLATED { again, _ := http.NewRequest(call.Method, call.URL, bytes.NewReader(call.Body)); req.GetBody = again.GetBody }",
		},
		{
			safeguard: "redirects are not followed", file: in + "/httpx.go", in: in, by: "TestRedirectsAreNotFollowed",
			text:    "func(*http.Request, []*http.Request) error { return",
			instead: "func(_ *http.Request, via []*http.Request) error { if ABLATED && len(via) < 5 { return nil }; return",
		},
		{
			safeguard: "a cut body is not whole", file: in + "/httpx.go", in: in, by: "TestACutBodyIsNeverWhole",
			text: "return framed ||", instead: "return ABLATED || framed ||",
		},
		{
			safeguard: "not sent needs proof", file: in + "/httpx.go", in: in, by: "TestTheGateHoldsTheBodyBack",
			text: "if e.connected.Load() || e.read.Load() {\n\t\treturn false", instead: "if e.connected.Load() || e.read.Load() {\n\t\treturn ABLATED",
		},
		{
			safeguard: "answers are bounded", file: in + "/body.go", in: in, by: "TestHostileAnswersAreBounded",
			text:    "case size > MaxBody:\n",
			instead: "case size > MaxBody && ABLATED:\n\t\t\treturn join(parts, part), nil\n\t\tcase size > MaxBody:\n",
		},
		{
			safeguard: "the gate holds the body back", file: in + "/httpx.go", in: in, by: "TestTheGateHoldsTheBodyBack",
			text: "if g.late != nil &&", instead: "if !ABLATED && g.late != nil &&",
		},
		{
			safeguard: "the connection holds the first byte back", file: in + "/conn.go", in: in, by: "TestAConnectionHoldsTheFirstByteBack",
			text: "h != nil && h.late()", instead: "h != nil && h.late() && !ABLATED",
		},
		{
			safeguard: "what an answer echoes is compared", file: "provider/truelayer/classify.go", in: "provider/truelayer", by: "TestAnAnswerAboutSomethingElseIsAMismatch",
			text:    "v.Class, v.Code = payonce.ClassMismatch, \"answer about something else\"",
			instead: "if !ABLATED { v.Class, v.Code = payonce.ClassMismatch, \"answer about something else\" }",
		},
	}
}
