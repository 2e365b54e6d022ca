package sqlitestore

import "context"

// maxBatch is how many writes share a commit.
const maxBatch = 256

// request is one write on its way to the writer.
type request struct {
	// ctx ends the wish for it; what is being committed is committed all the same. Nil never ends.
	ctx context.Context
	// run does it. The answer is the caller's own, the failure one of the transaction. It may be run again after a rollback.
	run func(*statements) (answer, failure error)
	// done is called once, after the commit.
	done func(error)

	answer error
}
