package midaspay

import (
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// MORSessionParams asks for one checkout session with MidasPay as the merchant of record, in MidasPay's own words, which could not be
// read. Source: https://developer.midaspayment.com/docs/api-concepts/idempotency/ (path and reference_id only).
type MORSessionParams struct {
	// Reference is the merchant's own id of the session. Required; it is the operation's identity.
	Reference string
	// Body is the request, a JSON object without reference_id, which is the key and is filled in. Required.
	Body payonce.Raw
	// NotAfter: no session is made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// MORTokenParams asks for one checkout token. Source: https://developer.midaspayment.com/docs/apis/payment/mor-create-token/.
type MORTokenParams struct {
	// Reference is the merchant's own id of the transaction, sent as settings.external_id. Required; it is the operation's identity.
	Reference string
	User      MORUser
	Settings  MORSettings
	// Amount is what to take (purchase.checkout). Required.
	Amount      payonce.Amount
	Description string
	Items       []MORItem
	// CustomParameters is a JSON object that is passed through.
	CustomParameters payonce.Raw
	// NotAfter: no token is made for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// MORUser is who pays.
type MORUser struct {
	// ID is the payer's id in the merchant's system. Required.
	ID            string `json:"id"`
	Email         string `json:"email,omitempty"`
	RegionCode    string `json:"region_code,omitempty"`
	Authenticated bool   `json:"authenticated"`
}

// MORSettings says how the checkout looks and where its result goes.
type MORSettings struct {
	// ProjectID is required.
	ProjectID string `json:"project_id"`
	// Language is such as fr-FR.
	Language   string `json:"language,omitempty"`
	Currency   string `json:"currency,omitempty"`
	RegionCode string `json:"region_code,omitempty"`
	// WebhookURL starts with https://.
	WebhookURL string `json:"webhook_url,omitempty"`
}

// MORItem is a line of the checkout.
type MORItem struct {
	// SKU is required.
	SKU  string
	Name string
	// Quantity is at least 1.
	Quantity int
	// Price is the price of one in the checkout's currency; VATIncluded says whether it has the tax in it. The zero Amount leaves the
	// price out.
	Price       payonce.Amount
	VATIncluded bool
	LogoURL     string
}

// MORToken is the answer to a new token. Both fields are empty when the first answer was lost and the transaction was looked up.
type MORToken struct {
	// Token and RedirectURL lead to the checkout; whoever has them can go on with it.
	Token       payonce.Secret `json:"token"`
	RedirectURL payonce.Secret `json:"redirect_url,omitempty"`
}

func createMORSession(params MORSessionParams) (payonce.Operation, error) {
	return ownWrite(kindCreateMORSession, params.Reference, "/v1/mor/session/create", params.Body, params.NotAfter)
}

// createMORToken encodes POST /v1/mor/token/create. Whether external_id dedupes is not documented, so it is sent once.
func (d *dialect) createMORToken(params MORTokenParams) (payonce.Operation, error) {
	var p adapter.Problems
	p.Require("Reference", params.Reference)
	p.Require("User.ID", params.User.ID)
	checkEmail(&p, "User.Email", params.User.Email)
	p.Require("Settings.ProjectID", params.Settings.ProjectID)
	if hook := params.Settings.WebhookURL; hook != "" && !strings.HasPrefix(hook, "https://") {
		p.Add("Settings.WebhookURL", "must start with https://")
	}
	amount := d.encode(&p, "Amount", params.Amount)
	purchase := object{"checkout": morMoney(amount)}
	if params.Description != "" {
		purchase["description"] = params.Description
	}
	if len(params.Items) > 0 {
		purchase["items"] = d.morItems(&p, params.Amount.Currency, params.Items)
	}
	body := object{"user": params.User, "settings": morSettings{params.Settings, params.Reference}, "purchase": purchase}
	if len(params.CustomParameters) > 0 {
		body["custom_parameters"] = ownObject(&p, "CustomParameters", params.CustomParameters)
	}
	return payonce.Operation{
		Kind: kindCreateCheckout, Reference: params.Reference, Path: "/v1/mor/token/create", Replay: payonce.ReplayOnce, Body: body,
		NotAfter: params.NotAfter,
	}, p.Err()
}

// morSettings are the settings with the merchant's handle.
type morSettings struct {
	MORSettings
	ExternalID string `json:"external_id"`
}

// morMoney spells an amount as merchant-of-record objects do.
func morMoney(m Money) object { return object{"currency": m.CurrencyCode, "amount": m.Value} }

func (d *dialect) morItems(p *adapter.Problems, currency string, own []MORItem) []object {
	items := make([]object, len(own))
	for i, item := range own {
		field := "Items[" + strconv.Itoa(i) + "]"
		p.Require(field+".SKU", item.SKU)
		if item.Quantity < 1 || item.Quantity > math.MaxInt32 {
			p.Add(field+".Quantity", "must be 1 to %d, is %d", math.MaxInt32, item.Quantity)
		}
		items[i] = object{"sku": item.SKU, "quantity": item.Quantity}
		if item.Name != "" {
			items[i]["name"] = item.Name
		}
		if item.LogoURL != "" {
			items[i]["logo_url"] = item.LogoURL
		}
		if item.Price != (payonce.Amount{}) {
			if item.Price.Currency != currency {
				p.Add(field+".Price", "must be in the checkout's currency")
			}
			items[i]["price"] = object{"amount": d.encode(p, field+".Price", item.Price).Value, "vat_included": item.VATIncluded}
		}
	}
	return items
}

// queryTransaction encodes GET /v1/mor/transaction/query by the merchant's own id. The name of the parameter is assumed. A query by
// token is left out: it would put a bearer token into a URL.
// Source: https://developer.midaspayment.com/docs/apis/payment/mor-query-transaction/.
func queryTransaction(externalID string) payonce.Query {
	escaped := strings.ReplaceAll(url.QueryEscape(externalID), "+", "%20") // the same text is signed and sent
	return payonce.Query{Kind: kindGetTransaction, Path: "/v1/mor/transaction/query?external_id=" + escaped}
}

// MORTransaction is a checkout's transaction. Source: https://developer.midaspayment.com/docs/apis/payment/mor-query-transaction/.
type MORTransaction struct {
	PaymentDetails struct {
		Payment MORPayment `json:"payment"`
	} `json:"payment_details"`
	Transaction MORTransactionState `json:"transaction"`
	User        struct {
		RegionCode string `json:"region_code"`
		Email      string `json:"email"`
		ID         string `json:"id"`
		Name       string `json:"name"`
	} `json:"user"`
}

// MORPayment is what was paid. Amounts are decimals in major units.
type MORPayment struct {
	Amount    string `json:"amount"`
	Currency  string `json:"currency"`
	NetAmount string `json:"net_amount"`
	VATAmount string `json:"vat_amount"`
	// Discount is as MidasPay tells it; discount_rate is a fraction, 0.2 for 20 %.
	Discount json.RawMessage `json:"discount,omitempty"`
}

// MORTransactionState is where a transaction stands.
type MORTransactionState struct {
	// ExternalID is the Reference of its token, ID MidasPay's own.
	ExternalID  string    `json:"external_id"`
	ID          string    `json:"id"`
	PaymentDate Timestamp `json:"payment_date,omitzero"`
	Project     struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"project"`
	Status TransactionStatus `json:"status"`
}
