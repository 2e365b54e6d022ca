// Package truelayer speaks TrueLayer's Payments API v3: open-banking payments, refunds, payouts and merchant accounts.
//
//	tl, err := truelayer.New(truelayer.Config{BaseURL: truelayer.Sandbox, /* credentials */})
//	client, err := payonce.New(payonce.Config{Provider: tl, Store: store})
//	payment, err := client.Payments.Create(ctx, payonce.PaymentParams{
//		Reference: "order-12345",
//		Amount:    payonce.Amount{Minor: 5000, Currency: "GBP"},
//		Method:    truelayer.BankTransfer{ /* beneficiary, payer, hosted page */ },
//	})
//
// TrueLayer remembers an idempotency key for 30 days and answers a repeat with the first answer. It has no way to find a payment,
// refund or payout by key or reference: after a lost answer only the same key leads back, and webhooks, for which payonce_ref is
// added to the metadata.
//
// In portable words a payment that waits for the payer is action_required; executed is succeeded where the money goes to an external
// account, which is the end of it, and authorized where it is still on its way into a merchant account; settled is succeeded. A
// refund that was accepted is pending, and its amount is in the payment's currency: TrueLayer takes no other and is not told one. An
// executed refund or payout may still come back and then is failed.
//
// What the portable services don't cover is behind [Provider.API]. The shapes follow https://docs.truelayer.com/reference; statuses,
// reasons and scheme ids are open sets, and a value that this version does not know survives decoding.
package truelayer
