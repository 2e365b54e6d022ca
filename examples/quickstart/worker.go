package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/store/sqlitestore"
)

// pay is what a merchant's backend does for an order, however often it is started.
func pay(ctx context.Context) error {
	return withClient(func(client *payonce.Client, order payonce.PaymentParams) error {
		payment, err := client.Payments.Create(ctx, order)
		if err != nil {
			return err
		}
		fmt.Printf("  payment %s is %s, %d attempts under key %s\n", payment.ID, payment.Status, payment.Receipt.Attempts, payment.Receipt.Key)
		return nil
	})
}

// refund gives a part of the payment back. The payment's id comes from the store: asking for the same payment again makes no request.
func refund(ctx context.Context) error {
	return withClient(func(client *payonce.Client, order payonce.PaymentParams) error {
		payment, err := client.Payments.Create(ctx, order)
		if err != nil {
			return err
		}
		refund, err := client.Refunds.Create(ctx, payonce.RefundParams{
			Reference: "rma-77", PaymentID: payment.ID, Amount: payonce.Amount{Minor: 2000, Currency: order.Amount.Currency},
		})
		if err != nil {
			return err
		}
		fmt.Printf("  refund rma-77 is %s, %d attempts under key %s\n", refund.Status, refund.Receipt.Attempts, refund.Receipt.Key)
		return nil
	})
}

// withClient opens the store, starts a client, and closes both.
func withClient(do func(*payonce.Client, payonce.PaymentParams) error) (err error) {
	shop, err := thisShop()
	if err != nil {
		return err
	}
	dir := os.Getenv("QUICKSTART_DIR")
	keys, err := readKeys(dir)
	if err != nil {
		return err
	}
	provider, err := shop.connect(os.Getenv("QUICKSTART_URL"), keys)
	if err != nil {
		return err
	}
	store, err := sqlitestore.Open(database(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	client, err := payonce.New(payonce.Config{Provider: provider, Store: store, Logger: slog.New(teller{})})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return do(client, payonce.PaymentParams{Reference: "order-12345", Amount: shop.price, Method: shop.method})
}

// teller is a slog.Handler that prints the client's attempts as sentences.
type teller struct{}

func (teller) Enabled(context.Context, slog.Level) bool { return true }
func (t teller) WithAttrs([]slog.Attr) slog.Handler     { return t }
func (t teller) WithGroup(string) slog.Handler          { return t }

func (teller) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "attempt" {
		return nil
	}
	attr := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool { attr[a.Key] = a.Value; return true })
	answer := fmt.Sprint("status ", attr["status"])
	if attr["status"].Int64() == 0 {
		answer = fmt.Sprint("no answer (", attr["fault"], ")")
	}
	fmt.Printf("  attempt %v: %s, so it is %v\n", attr["n"], answer, attr["concluded"])
	return nil
}
