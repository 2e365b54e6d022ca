package midaspay

import (
	"context"
	"net/http"
	"strings"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// What the tests see of the inside.

// Errors of genuine deliveries.
var (
	ErrNoEvent        = errNoEvent
	ErrAnotherAccount = errAnotherAccount
)

// Authorization returns the header of one attempt with a given timestamp and nonce.
func (p *Provider) Authorization(ctx context.Context, req *payonce.Request, timestamp int64, nonce string) (string, error) {
	return p.d.signing.header(ctx, req, timestamp, nonce)
}

// What signatures cover, and the signer that New makes of a PEM key.
var (
	RequestText = requestText
	AnswerText  = answerText
	PEMSign     = func(p *Provider, text []byte) ([]byte, error) {
		return p.d.signing.signer.Sign(context.Background(), text)
	}
)

// Genuine checks the signature of an answer.
func (p *Provider) Genuine(header http.Header, body []byte) bool {
	return p.d.platform.verify(header, body)
}

// KeyInPEM and CertificateInPEM read what New is given.
var (
	KeyInPEM         = parsePrivateKey
	CertificateInPEM = parsePublicKey
)

// Money of the provider.
func (p *Provider) Decode(m Money) payonce.Amount { return p.d.decode(m) }

// SameMoney compares two spellings of amounts.
func SameMoney(a, b Money) bool { return a.same(b) }

// UnitID is a unit's id.
var UnitID = unitID

// IsNothing says that a query's answer has nothing in it.
func IsNothing(body []byte) bool {
	for _, what := range []thing{anOrder(), anAuthorization(), aSubscription(), aTransaction()} {
		if what.nothing(adapter.ObjectOf(body)) {
			return true
		}
	}
	return false
}

// Currencies are those that are taken, by code, and those of ISO 4217, by number of decimals.
var (
	Currencies    = currencies
	ISOCurrencies = func() map[int][]string {
		all := map[int][]string{}
		for decimals, codes := range isoCurrencies() {
			all[decimals] = strings.Fields(codes)
		}
		return all
	}
)

// ParseVerified reads a delivery whose signature was verified: signing costs a fuzzer all its time.
func (w *Webhooks) ParseVerified(body []byte) (Event, error) { return w.r.d.parseEvent(body) }

// Operations of the native services, without a client.
var (
	CreateRefund        = createOwnRefund
	CreateAuthorization = createAuthorization
	PayAuthorization    = payAuthorization
	CancelAuthorization = cancelAuthorization
	Subscribe           = func(p *Provider) func(SubscriptionParams) (payonce.Operation, error) { return p.d.subscribe }
	Unsubscribe         = unsubscribe
	CreateMORSession    = createMORSession
	CreateMORToken      = func(p *Provider) func(MORTokenParams) (payonce.Operation, error) { return p.d.createMORToken }
	CreateCard          = createCard
)
