package payonceriver

var Verdict = verdict
