// Package midaspay speaks MidasPay's payment API v1: orders, authorizations, refunds, subscriptions and merchant-of-record checkouts.
//
//	mp, err := midaspay.New(midaspay.Config{BaseURL: midaspay.Sandbox, /* credentials */})
//	client, err := payonce.New(payonce.Config{Provider: mp, Store: store})
//	payment, err := client.Payments.Create(ctx, payonce.PaymentParams{
//		Reference: "order-12345",
//		Amount:    payonce.Amount{Minor: 5000, Currency: "USD"},
//		Method:    midaspay.Order{PaymentMethod: "CREDIT_CARD", RegionCode: "US"},
//	})
//
// MidasPay has no idempotency header: it dedupes on reference_id in the body, within merchant and type of resource, for as long as the
// resource lives (https://developer.midaspayment.com/docs/api-concepts/idempotency/). The key is that reference_id, and the ids of an
// order's purchase units are made from it. An order can be found by it, so that a lost answer is looked up as well as sent again.
//
// A 409 is a duplicate or a decline, a 408 may be a transaction that was cancelled for good, and a 200 may say no: only names and
// bodies decide. With Config.PlatformCertificates an answer whose signature does not verify is neither success nor failure.
//
// There is no room for metadata, no capture, and no way to read a refund: those are payonce.ErrUnsupported or refused. Much of the
// documentation could be read in part only. Where a request body is not known, its call takes the caller's JSON, fills in the key, and
// its comment says so. No such JSON may name a merchant_id: the merchant is the one that signs. Statuses, names of errors and events are
// open sets, and a value that this version does not know survives decoding. What the portable services don't cover is behind
// [Provider.API].
package midaspay
