package providertest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/payonce/payonce"
)

func profileChecks() []check {
	return []check{
		{"the profile states what the client needs", completeProfile},
		{"the profile never changes", constantProfile},
		{"the account does not depend on a credential", accountOutlivesCredentials},
		{"the keys that the client makes by default can be sent", keysFit},
		{"printing gives no secret away", printsNoSecret},
		{"what is offered is offered whole", wholePortable},
	}
}

func completeProfile(s *Subject, r *report) {
	p := s.New().Profile()
	base, err := url.Parse(p.BaseURL)
	r.expect(err == nil && base.Host != "" && !strings.HasSuffix(p.BaseURL, "/"), "BaseURL is no address without a trailing slash:", p.BaseURL)
	r.expect(p.Name != "" && p.Name == strings.ToLower(p.Name), "Name is not in lower case:", p.Name)
	parts := strings.Split(p.Account, "/")
	r.expect(len(parts) == 3 && parts[0] == p.Name && parts[1] != "" && parts[2] != "", "Account is not name/environment/merchant:", p.Account)
	r.expect(p.KeyLife >= 0 && p.Timeout > 0, "KeyLife or Timeout makes no sense")
	r.expect(p.Keys >= payonce.KeysDerived && p.Keys <= payonce.KeysGenerated, "Keys names no scheme of its own")
	for currency, decimals := range p.Currencies {
		r.expect(len(currency) == 3 && decimals >= 0 && decimals <= 4, "Currencies has an odd line:", currency)
	}
	for _, secret := range s.Secrets {
		r.expect(!strings.Contains(p.Account, secret), "Account holds a credential")
	}
}

func constantProfile(s *Subject, r *report) {
	p := s.New()
	one, two, other := p.Profile(), p.Profile(), s.New().Profile()
	r.expect(reflect.DeepEqual(one, two), "it changed between two calls")
	r.expect(reflect.DeepEqual(one, other), "it differs between two providers of one configuration")
}

func accountOutlivesCredentials(s *Subject, r *report) {
	before, after := s.New().Profile(), s.Rotated().Profile()
	r.expect(before.Account == after.Account, "it is", before.Account, "and after a rotation", after.Account)
	r.expect(before.BaseURL == after.BaseURL, "the host changed with the credentials")
}

func keysFit(s *Subject, r *report) {
	p := s.New().Profile()
	const uuid = "0123456789abcdef-0123456789abcdef-36"
	for _, c := range uuid {
		r.expect(p.KeyAlphabet == "" || strings.ContainsRune(p.KeyAlphabet, c), "KeyAlphabet has no", string(c), "for derived keys")
	}
	r.expect(p.KeyMaxLen == 0 || p.KeyMaxLen >= len(uuid), "KeyMaxLen is too short for derived keys")
	if p.Keys == payonce.KeysReadable {
		r.expect(p.KeyAlphabet == "" || strings.ContainsRune(p.KeyAlphabet, '_'), "KeyAlphabet has no _ for readable keys")
	}
}

func printsNoSecret(s *Subject, r *report) {
	p := s.New()
	values := []any{p, p.Profile()}
	if v := reflect.ValueOf(p); v.Kind() == reflect.Pointer {
		values = append(values, v.Elem().Interface())
	}
	for _, value := range values {
		var b strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&b, verb, value)
		}
		if text, err := json.Marshal(value); err == nil {
			b.Write(text)
		}
		shown := b.String()
		for _, secret := range s.Secrets {
			r.expect(!strings.Contains(shown, secret) && !strings.Contains(shown, fmt.Sprintf("%x", secret)), fmt.Sprintf("%T shows a secret", value))
		}
	}
	r.expect(len(s.Secrets) > 0, "the subject names no secret")
}

func wholePortable(s *Subject, r *report) {
	p := s.New().Portable()
	r.expect(p.CreatePayment != nil && p.GetPayment != nil, "payments can't be created and read")
	r.expect(p.Payment != nil && p.PaymentStatus != nil, "answers about payments can't be read")
	refunds := p.CreateRefund != nil || p.GetRefund != nil || p.ListRefunds != nil
	r.expect(!refunds || (p.Refund != nil && p.RefundStatus != nil), "answers about refunds can't be read")
	r.expect((p.ListRefunds == nil) == (p.Refunds == nil), "ListRefunds and Refunds don't go together")
	r.expect(p.Check != nil, "there is no Check")
	if p.PaymentStatus != nil {
		r.expect(p.PaymentStatus("a-word-of-tomorrow") == "", "an unknown payment status is taken for a known one")
	}
	if p.RefundStatus != nil {
		r.expect(p.RefundStatus("a-word-of-tomorrow") == "", "an unknown refund status is taken for a known one")
	}
}
