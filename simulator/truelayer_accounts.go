package simulator

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// The merchant accounts that exist by default.
const (
	MerchantAccountGBP = "6b9a1f3e-0d6c-4c1b-8f5a-000000000826"
	MerchantAccountEUR = "6b9a1f3e-0d6c-4c1b-8f5a-000000000978"
	MerchantAccountPLN = "6b9a1f3e-0d6c-4c1b-8f5a-000000000985"
)

// longestRange is the longest time that one listing of transactions may cover.
const longestRange = 31 * 24 * time.Hour

// A MerchantAccount is an account of the client's that payments settle into and
// payouts leave from.
type MerchantAccount struct {
	// ID is a UUID.
	ID string
	// Currency is GBP, EUR or PLN.
	Currency string
	// Holder is the account holder's name. Defaults to "Example Merchant Ltd".
	Holder string
	// BalanceMinor is the balance at the start.
	BalanceMinor int64
}

type account struct {
	id, currency, holder string
	balance              int64
	sweeping             map[string]any // nil is off
}

func (s *TrueLayer) openAccounts() []*account {
	configured := s.cfg.MerchantAccounts
	if configured == nil {
		configured = []MerchantAccount{
			{ID: MerchantAccountGBP, Currency: "GBP"},
			{ID: MerchantAccountEUR, Currency: "EUR"},
			{ID: MerchantAccountPLN, Currency: "PLN"},
		}
	}
	var out []*account
	for _, a := range configured {
		holder := cmp.Or(a.Holder, "Example Merchant Ltd")
		out = append(out, &account{id: a.ID, currency: a.Currency, holder: holder, balance: a.BalanceMinor})
	}
	return out
}

// account returns an account that a write names. Unless the accounts are
// configured, one that is unknown is opened in the write's currency.
func (s *TrueLayer) account(id, currency string) *account {
	a := s.knownAccount(id)
	if a == nil && s.cfg.MerchantAccounts == nil {
		a = &account{id: id, currency: currency, holder: "Example Merchant Ltd"}
		s.accounts = append(s.accounts, a)
	}
	return a
}

func (s *TrueLayer) knownAccount(id string) *account {
	i := slices.IndexFunc(s.accounts, func(a *account) bool { return a.id == id })
	if i < 0 {
		return nil
	}
	return s.accounts[i]
}

func (s *TrueLayer) listAccounts(*query) answer {
	items := make([]any, 0, len(s.accounts))
	for _, a := range s.accounts {
		items = append(items, a.view())
	}
	return newAnswer(http.StatusOK, map[string]any{"items": items})
}

func (s *TrueLayer) getAccount(q *query) answer {
	a := s.knownAccount(q.ids[0])
	if a == nil {
		return notFound("merchant account")
	}
	return newAnswer(http.StatusOK, a.view())
}

func (a *account) view() map[string]any {
	return map[string]any{
		"id": a.id, "currency": a.currency, "account_holder_name": a.holder,
		"account_identifiers":        identifiersOf(a.currency),
		"available_balance_in_minor": a.balance,
		"current_balance_in_minor":   a.balance,
	}
}

// identifiersOf is a made-up account in the form that a currency's country uses.
func identifiersOf(currency string) []any {
	switch currency {
	case "GBP":
		return []any{
			map[string]any{"type": "sort_code_account_number", "sort_code": "040668", "account_number": "00000871"},
			map[string]any{"type": "iban", "iban": "GB05CLRB04066800000871"},
		}
	case "PLN":
		return []any{map[string]any{"type": "nrb", "nrb": "61109010140000071219812874"}}
	}
	return []any{map[string]any{"type": "iban", "iban": "DE89370400440532013000"}}
}

func (s *TrueLayer) listTransactions(q *query) answer {
	a := s.knownAccount(q.ids[0])
	if a == nil {
		return notFound("merchant account")
	}
	query := q.URL.Query()
	from, err1 := time.Parse(time.RFC3339, query.Get("from"))
	to, err2 := time.Parse(time.RFC3339, query.Get("to"))
	kind, cursor := query.Get("type"), 0
	errs := map[string][]string{}
	if err1 != nil {
		errs["from"] = []string{"Value must be a date and time."}
	}
	if err2 != nil {
		errs["to"] = []string{"Value must be a date and time."}
	}
	if len(errs) == 0 && (to.Before(from) || to.Sub(from) > longestRange) {
		errs["to"] = []string{"The range must be at most 31 days."}
	}
	if kind != "" && kind != "payment" && kind != "payout" {
		errs["type"] = []string{"Value must be one of: payment, payout."}
	}
	if c := query.Get("cursor"); c != "" {
		n, err := strconv.Atoi(c)
		if err != nil || n < 0 {
			errs["cursor"] = []string{"Value is not a cursor."}
		}
		cursor = n
	}
	if len(errs) > 0 {
		return invalidParameters(errs)
	}
	return s.page(s.transactions(a, kind, from, to), cursor)
}

func (s *TrueLayer) page(all []transaction, cursor int) answer {
	items, pagination := []any{}, map[string]any{}
	for i := cursor; i < min(cursor+s.cfg.PageSize, len(all)); i++ {
		items = append(items, all[i].view)
	}
	if next := cursor + s.cfg.PageSize; next < len(all) {
		pagination["next_cursor"] = strconv.Itoa(next)
	}
	return newAnswer(http.StatusOK, map[string]any{"items": items, "pagination": pagination})
}

// A transaction is one movement on an account.
type transaction struct {
	at   time.Time
	id   string
	view map[string]any
}

// transactions returns the account's movements in [from, to), oldest first.
func (s *TrueLayer) transactions(a *account, kind string, from, to time.Time) []transaction {
	var all []transaction
	if kind != "payout" {
		for _, p := range s.payments {
			if p.account == a && !p.settled.IsZero() {
				all = append(all, p.transaction())
			}
		}
	}
	if kind == "" {
		for _, r := range s.refunds {
			if r.payment.account == a && r.status == statusExecuted {
				all = append(all, r.transaction())
			}
		}
	}
	if kind != "payment" {
		for _, p := range s.payouts {
			if p.account == a && p.status == statusExecuted {
				all = append(all, p.transaction())
			}
		}
	}
	all = slices.DeleteFunc(all, func(t transaction) bool { return t.at.Before(from) || !t.at.Before(to) })
	slices.SortFunc(all, func(x, y transaction) int {
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.id, y.id))
	})
	return all
}

func (p *payment) transaction() transaction {
	view := pick(p.doc, "metadata")
	view["type"], view["id"], view["payment_id"], view["status"] = "merchant_account_payment", p.id, p.id, statusSettled
	view["amount_in_minor"], view["currency"] = p.amount, p.currency
	view["settled_at"], view["payment_source"] = timestamp(p.settled), p.settledSource()
	return transaction{p.settled, p.id, view}
}

func (r *refund) transaction() transaction {
	view := pick(r.doc, "metadata")
	view["type"], view["id"], view["refund_id"], view["status"] = "refund", r.id, r.id, statusExecuted
	view["payment_id"], view["context_code"] = r.payment.id, "withdrawal"
	view["amount_in_minor"], view["currency"] = r.amount, r.payment.currency
	view["created_at"], view["executed_at"] = timestamp(r.created), timestamp(r.executed)
	view["beneficiary"] = r.payment.settledSource()
	return transaction{r.executed, r.id, view}
}

func (p *payout) transaction() transaction {
	view := pick(p.doc, "metadata")
	view["type"], view["id"], view["payout_id"], view["status"] = "payout", p.id, p.id, statusExecuted
	view["amount_in_minor"], view["currency"], view["context_code"] = p.amount, p.currency, "withdrawal"
	view["created_at"], view["executed_at"] = timestamp(p.created), timestamp(p.executed)
	view["beneficiary"], view["scheme_id"] = p.beneficiary(), p.scheme()
	return transaction{p.executed, p.id, view}
}

func (s *TrueLayer) listPaymentSources(q *query) answer {
	a, user := s.knownAccount(q.ids[0]), q.URL.Query().Get("user_id")
	switch {
	case a == nil:
		return notFound("merchant account")
	case user == "":
		return invalidParameter("user_id", "Value is required.")
	}
	items := []any{}
	for _, t := range s.transactions(a, "payment", time.Time{}, s.now().Add(time.Nanosecond)) {
		if p := s.payments[t.id]; p.user == user {
			items = append(items, p.settledSource())
		}
	}
	return newAnswer(http.StatusOK, map[string]any{"items": items})
}

func (s *TrueLayer) getSweeping(q *query) answer {
	a := s.knownAccount(q.ids[0])
	if a == nil || a.sweeping == nil {
		return notFound("sweeping setting")
	}
	return newAnswer(http.StatusOK, a.sweeping)
}

func (s *TrueLayer) setSweeping(q *query) answer {
	a := s.knownAccount(q.ids[0])
	switch {
	case a == nil:
		return notFound("merchant account")
	case textAt(q.doc, "currency") != a.currency:
		return invalidParameter("currency", "The merchant account has another currency.")
	}
	a.sweeping = pick(q.doc, "max_amount_in_minor", "currency", "frequency")
	a.sweeping["destination"] = identifiersOf(a.currency)[0]
	s.record(q, Entry{
		Kind: "sweeping", ID: a.id, AmountMinor: integerAt(q.doc, "max_amount_in_minor"), Currency: a.currency,
	})
	return newAnswer(http.StatusOK, a.sweeping)
}

func (s *TrueLayer) deleteSweeping(q *query) answer {
	a := s.knownAccount(q.ids[0])
	if a == nil || a.sweeping == nil {
		return notFound("sweeping setting")
	}
	a.sweeping = nil
	s.record(q, Entry{Kind: "sweeping", ID: a.id, Reference: "off"})
	return newAnswer(http.StatusNoContent, nil)
}
