// Package miracle speaks Miracle's merchant API v1: card and other payments, captures, refunds, checkout sessions and webhooks.
//
//	mir, err := miracle.New(miracle.Config{MerchantID: "c3073b9d-…", SecretKey: "sk_test_example"})
//	client, err := payonce.New(payonce.Config{Provider: mir, Store: store})
//	payment, err := client.Payments.Create(ctx, payonce.PaymentParams{
//		Reference: "order-12345",
//		Amount:    payonce.Amount{Minor: 5000, Currency: "USD"},
//		Method:    miracle.Method{Type: miracle.Card, Token: "tok_example", CaptureMethod: miracle.CaptureManual},
//	})
//
// Miracle remembers an idempotency key for 24 hours, for each merchant and endpoint, and answers a repeat with the first answer; after
// that the key is free and the write runs again (https://docs.gate.miracleapi.ai/merchant/payments/idempotency). It has no way to find
// a payment or refund by key or reference: after a lost answer only the same key leads back, and webhooks, for which payonce_ref is
// added to the metadata. A capture or cancellation that can't be resent any more is looked up by reading its payment.
//
// In portable words requires_capture is authorized, succeeded and captured are succeeded, and a payment that was refunded, in part or
// whole, is returned. A payment that failed is a decline: payonce.ErrDeclined, with the payment, unless the breakdown of its amount
// shows money moved. A new refund is pending: its end comes by webhook and by Get. PaymentParams.Description is not sent, because no
// field for it is documented.
//
// Don't cancel a payment that is processing: Miracle cancels it only locally, and its acquirer may still take the money, while a canceled
// payment counts as one by which no money moved. Wait for its end. The same goes for a payment that failed with [CodeGatewayTimeout].
//
// What the portable services don't cover is behind [Provider.API]. The shapes follow https://docs.gate.miracleapi.ai/reference/merchant;
// statuses, codes and event types are open sets, and a value that this version does not know survives decoding. The documentation does
// not describe errors: a JSON object with a code or a message, at its top or under "error", is taken for Miracle's.
package miracle
