// Package providertest is the contract of payonce.Provider as tests. A provider's own test says what an ordinary payment is, and how
// the API answers it:
//
//	func TestProvider(t *testing.T) { providertest.Run(t, providertest.Subject{ … }) }
package providertest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/payonce/payonce"
)

// Subject is a provider under test, and what the suite can't know of it.
type Subject struct {
	// New returns the provider as a merchant configures it, anew at each call. Required.
	New func() payonce.Provider
	// Rotated returns the same merchant's provider after its credentials were rotated. Required.
	Rotated func() payonce.Provider
	// HTTPClient answers Authorize's own requests, for a provider that fetches tokens; nil where it fetches nothing.
	HTTPClient *http.Client
	// Secrets must appear nowhere when the provider is printed. Required.
	Secrets []string
	// Payment asks for an ordinary payment. Required.
	Payment payonce.PaymentParams
	// Created is the API's whole answer to it when it was made under the reference and key that the suite sends: {reference}, {key} and
	// {ref} in the body stand for them, {ref} for payonce_ref. Required.
	Created Answer
	// Refused is a refusal (400 or 422) in the API's own words. Required.
	Refused Answer
}

// Answer is an answer of the API.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	// Sign returns the answer's headers for a body, where the API signs its answers; nil where it doesn't.
	Sign func(body string) http.Header
}

// Run judges a provider.
func Run(t *testing.T, s Subject) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, breach := range c.breaches(&s) {
				t.Error(breach)
			}
		})
	}
}

// Breaches returns everything in which a provider breaks the contract, for tests of the suite itself.
func Breaches(s Subject) []string {
	var all []string
	for _, c := range checks() {
		for _, breach := range c.breaches(&s) {
			all = append(all, c.name+": "+breach)
		}
	}
	return all
}

// check is one sentence of the contract.
type check struct {
	name string
	run  func(s *Subject, r *report)
}

func checks() []check {
	var all []check
	for _, group := range [][]check{profileChecks(), authorizeChecks(), encodingChecks(), answerChecks(), readingChecks(), lookupChecks()} {
		all = append(all, group...)
	}
	return all
}

// report collects breaches.
type report struct{ breaches []string }

func (r *report) add(text ...string) { r.breaches = append(r.breaches, strings.Join(text, " ")) }

// expect notes a breach unless ok.
func (r *report) expect(ok bool, text ...string) {
	if !ok {
		r.add(text...)
	}
}

// breaches runs a check. A panic is a breach: none of the contract's functions may panic, whatever it is given.
func (c check) breaches(s *Subject) []string {
	var r report
	func() {
		defer func() {
			if recover() != nil {
				r.add("it panics")
			}
		}()
		c.run(s, &r)
	}()
	return r.breaches
}
