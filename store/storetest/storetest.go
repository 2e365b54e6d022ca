// Package storetest is the contract of payonce.KeyStore as tests. A store's own test is one line:
//
//	func TestStore(t *testing.T) { storetest.Run(t, open) }
//
// It also makes stores that fail: CommitThenFail and Fail.
package storetest

import (
	"testing"
	"testing/synctest"

	"github.com/payonce/payonce"
)

// Options says how to open the store under test.
type Options struct {
	// Open opens a new, empty store and closes it with t.Cleanup. It is called in parallel, and inside of testing/synctest bubbles:
	// the store's clock must be time.Now of the bubble. Required.
	Open func(t *testing.T) payonce.KeyStore
	// Reopen opens a second handle on the data of a store that Open returned, as another process would, and closes it with
	// t.Cleanup. Nil leaves out what needs two handles.
	Reopen func(t *testing.T, store payonce.KeyStore) payonce.KeyStore
}

// Run judges a store that can't be opened twice.
func Run(t *testing.T, open func(t *testing.T) payonce.KeyStore) {
	t.Helper()
	RunOptions(t, Options{Open: open})
}

// RunOptions judges a store. Every subtest opens a store of its own; none of them sleeps.
func RunOptions(t *testing.T, o Options) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(&judge{t}, o.Open(t))
		})
	}
	for _, c := range timedChecks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.run(&judge{t}, o.Open(t)) })
		})
	}
	if o.Reopen == nil {
		return
	}
	for _, c := range sharedChecks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			first := o.Open(t)
			c.run(&judge{t}, first, o.Reopen(t, first))
		})
	}
}

// judge is the test that a check runs in.
type judge struct{ *testing.T }

// check is one sentence of the contract.
type check struct {
	name string
	run  func(t *judge, store payonce.KeyStore)
}

// sharedCheck is one that needs two handles on the same data.
type sharedCheck struct {
	name string
	run  func(t *judge, one, two payonce.KeyStore)
}

func checks() []check {
	var all []check
	for _, group := range [][]check{
		claimChecks(), contentChecks(), loadChecks(), saveChecks(), laterChecks(), newestChecks(), listChecks(), purgeChecks(),
		raceChecks(), cancelChecks(), faultChecks(),
	} {
		all = append(all, group...)
	}
	return all
}
