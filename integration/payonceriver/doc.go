// Package payonceriver runs payonce operations as jobs of River (https://riverqueue.com), a job queue in PostgreSQL.
//
// A merchant who has River keeps it: an order, the payment that it needs and the job that makes the payment are committed in one
// transaction, and any process of the fleet does the job.
//
//	rec, err := client.Payments.Prepare(payonce.PaymentParams{Reference: order.ID, …})
//	tx, err := pool.Begin(ctx)
//	_, err = tx.Exec(ctx, "insert into orders …")
//	_, err = payonceriver.InsertTx(ctx, jobs, tx, store.InsertTx, rec, nil)
//	err = tx.Commit(ctx)
//
// After a rollback there is no order, no payment and no job. After the commit the payment is made once, whatever dies: River brings the
// job to a worker, and payonce's record decides what the worker may send. The jobs' state decides nothing about money.
//
// # What a job's end means
//
// Worker calls Client.Run and tells River what to do by what it returns:
//
//	Client.Run returns                  the job                                    then
//	nil                                 is completed                               the payment was made
//	ErrOutcomeUnknown                   is snoozed until Error.DueAt (5 s to 24 h) Run goes on; snoozes are no attempts
//	ErrRejected, ErrDeclined            is cancelled with the reason               nothing took effect
//	ErrNotSent, ErrInvalid              is cancelled with the reason               nothing was sent
//	ErrInDoubt, ErrKeyReuse             is cancelled with the reason               a person settles it with Client.Resolve
//	ErrNotFound                         is cancelled                               the job was inserted without its record
//	ErrUnavailable, or no such client   fails                                      River tries it again
//
// JobRetry on a cancelled job is a new call: what is final is answered from the record, what was refused for the merchant's own sake
// (a key that was revoked) is sent again. A job that failed as often as its MaxAttempts (25) allows is discarded, and its record left to
// recovery.
//
// No job's state holds a payment back. JobCancel ends the job and not the payment, a queue that is paused and InsertOpts.ScheduledAt keep
// the job waiting and not the payment: recovery sends whatever is open and due. Insert later what is to be paid later; Client.Resolve with
// StopSending ends what is not to be sent any more.
//
// # When a process stops or dies
//
// River's Stop waits for the requests that are under way. StopAndCancel, or SoftStopTimeout, cuts them off: their outcome is unknown, the
// job is snoozed, and whoever works on it when it is due gets the answer under the same key.
//
// When a process dies two clocks run. The operation's lease ends after payonce.Config.Lease (15 s); then any process may finish it, and
// the next recovery does. The job stays "running" in River until RescueStuckJobsAfter (1 h by default) and the worker's Timeout (10 min)
// are over; then it is tried again, as one more of its attempts, and finds the answer in the record. So no payment waits for the rescue;
// set RescueStuckJobsAfter to 11 min if the jobs' states should be true sooner. River may run a job twice at the same time: one of the two
// sends, and both get the answer. Panics are River's to catch; the job is tried again. An operation on which processes died five times is
// put in doubt.
//
// # Recovery
//
// A Client recovers by itself every 30 s, in every process. With River it can be one job for the whole fleet: PeriodicRecovery inserts it
// and RecoveryWorker does it, which also looks up what is in doubt and logs what it can't finish. River inserts the periodic jobs of its
// leader only, so every program that starts River on the same tables needs them. Config.RecoverEvery may then be some minutes, as a net
// below the net: for what is begun while nobody leads (after a leader's death some 20 s), or while a program leads that lacks the job.
//
// # Setting up
//
// Insert the payments' jobs into a queue of their own (InsertOpts.Queue), so that a backlog of them does not delay recovery, whose jobs are
// in the default one. Open the store with pgstore.WithoutWake: River wakes the fleet itself. Who only inserts needs a Client too, for
// Prepare.
package payonceriver
