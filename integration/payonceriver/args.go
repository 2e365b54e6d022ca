package payonceriver

import (
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/payonce/payonce"
)

// Args are the arguments of a job that finishes one operation, which has a record: one of Prepare's, or any other that is open. They
// are stored in River's table as {"Account", "Kind", "Reference"}.
type Args struct{ payonce.OperationID }

// Kind is the job's name in River.
func (Args) Kind() string { return "payonce_operation" }

// InsertOpts make the job the only one of its operation while it waits or runs. When it is over another one may be inserted: it finds
// the answer in the record.
func (Args) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}
