// Package payonce makes a payment call happen once.
//
// A call's key and exact bytes are written down before the first attempt, every retry sends the same bytes with the same key, the
// answer is remembered, and what a crash interrupted is finished from the store. What may have moved money is never called failed:
// an error matches [ErrNotSent], [ErrRejected] or [ErrOutcomeUnknown], and the last stays open until it is settled.
//
// A [Client] joins a provider (package truelayer below provider/) with a key store (sqlitestore, memstore below store/):
//
//	client, err := payonce.New(payonce.Config{Provider: tl, Store: store})
//	payment, err := client.Payments.Create(ctx, payonce.PaymentParams{Reference: "order-12345", …})
//
// Calling again with the same parameters, in this process or another, is always safe: it returns the stored answer, waits for the
// one who is at it, or goes on where the last attempt ended.
package payonce
