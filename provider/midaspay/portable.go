package midaspay

import (
	"errors"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// errUnreadable says that a body is not what MidasPay documents, without repeating any of it.
var errUnreadable = errors.New("the answer is not what MidasPay documents")

// Portable returns how MidasPay speaks the portable services. No endpoint for captures, and none that reads refunds, was found.
func (p *Provider) Portable() payonce.Portable {
	return payonce.Portable{
		CreatePayment: p.d.placeOrder,
		CancelPayment: voidOrder,
		CreateRefund:  p.d.createRefund,
		GetPayment:    func(id string) payonce.Query { return queryOrder("id", id) },
		Payment:       p.d.portablePayment,
		Refund:        p.d.portableRefund,
		PaymentStatus: func(word string) payonce.Status { return OrderStatus(word).portable() },
		RefundStatus:  refundStatus,
		Check:         check,
	}
}

// check asks for an order that nobody makes: signed, and without any effect. No request is documented for this.
func check() payonce.Query {
	q := queryOrder(keyField, "payonce-check")
	q.Kind = kindCheck
	return q
}

// portablePayment reads an order, or what a void says of one.
func (d *dialect) portablePayment(kind string, body []byte) (*payonce.Payment, error) {
	var got struct {
		PlacedOrder
		Succeed bool `json:"succeed"`
	}
	if _, err := adapter.Decode(body, &got); err != nil {
		return nil, errUnreadable
	}
	if kind == kindCancelPayment && got.Succeed && got.Status == "" {
		got.Status = OrderVoided // a void is all that succeed can be about
	}
	return &payonce.Payment{
		ID: got.ID, Status: got.Status.portable(), ProviderStatus: string(got.Status), NoMoneyMoved: got.Status.noMoneyMoved(),
		Amount: d.total(got.PurchaseUnits), CreatedAt: got.CreateTime.Time, Raw: body,
	}, nil
}

// total adds up the units; the zero value where that is not exact.
func (d *dialect) total(units []PurchaseUnit) payonce.Amount {
	var total payonce.Amount
	for _, unit := range units {
		amount := d.decode(unit.Amount)
		sum := total.Minor + amount.Minor
		if amount.Currency == "" || (total.Currency != "" && total.Currency != amount.Currency) || sum < total.Minor {
			return payonce.Amount{}
		}
		total = payonce.Amount{Minor: sum, Currency: amount.Currency}
	}
	return total
}

// portableRefund reads a refund that was just made. It goes on by itself, so one without a word of its own is pending.
func (d *dialect) portableRefund(_ string, body []byte) (*payonce.Refund, error) {
	var got CreatedRefund
	if _, err := adapter.Decode(body, &got); err != nil {
		return nil, errUnreadable
	}
	refund := &payonce.Refund{
		ID: got.ID, Status: refundStatus(string(got.Status)), ProviderStatus: string(got.Status), Amount: d.decode(got.Amount),
		CreatedAt: got.CreateTime.Time, Raw: body,
	}
	if got.Status == "" {
		refund.Status = payonce.StatusPending
	}
	return refund, nil
}
