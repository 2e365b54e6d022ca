// Package elebne speaks the Elebne Developer API: payment intents, refunds and a store, in Mauritanian ouguiya.
//
//	el, err := elebne.New(elebne.Config{MerchantID: "shop-1", SecretKey: "sk_test_example"})
//	client, err := payonce.New(payonce.Config{Provider: el, Store: store})
//	payment, err := client.Payments.Create(ctx, payonce.PaymentParams{
//		Reference: "order-12345",
//		Amount:    payonce.Amount{Minor: 50000, Currency: "MRU"}, // centimes: 500.00 MRU
//		Method:    elebne.Intent{SuccessURL: "https://shop.example/thanks"},
//	})
//
// Elebne remembers an idempotency key for 24 hours, within one API key and one endpoint, and answers a repeat with the first answer. It
// never says that a key was used for other content: it answers with what that made. So an answer is compared with what was sent, and
// one about something else is in doubt (https://docs.staging.elebne.ai/en/docs/reference/idempotency). Because the API key counts, an
// operation is finished with the key that it was begun under: keep a rotated key in Config.OldSecretKeys until nothing of it is open.
//
// An intent can't be found by key or reference: after a lost answer only the same key leads back, and webhooks, for which payonce_ref
// is added to the metadata. A repeated create may be answered with the intent as it was when it was made, PENDING, although it is over
// by now: Payments.Get tells.
//
// In portable words an intent that waits for the payer is action_required, PAID and COMPLETED are succeeded, and REFUNDED is returned,
// whether a part was given back or all. CANCELLED, also what Elebne does by itself after 24 hours, is canceled. There is no capture, and
// no way to read a refund.
//
// What the portable services don't cover is behind [Provider.API]. The documentation could be read in part only; what is assumed
// beyond it is said where it counts. Statuses, codes and events are open sets, and a value that this version does not know survives
// decoding.
package elebne
