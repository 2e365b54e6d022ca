package elebne

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/payonce/payonce/internal/adapter"
)

// answerRule says what a whole answer of a kind must hold, and what of it must be what was sent. Because Elebne answers a key that was
// used for other content with what that made, and no error, the second is the only way to notice. Kinds without a rule must not say
// that they failed, no more.
type answerRule struct {
	// form is what the answer looks like.
	form answerForm
	// made is the field with the id of what was made or changed.
	made string
	// collection is what precedes the id in the path, names the fields that may repeat it.
	collection string
	names      []string
	// begins is what those ids begin with: one that begins otherwise is of something else, and not compared.
	begins string
	// whole says that the answer has what is documented of it.
	whole func(data adapter.Object) bool
	// differs says that something which the answer repeats is not what was sent.
	differs func(sent, data adapter.Object) bool
	// no are the statuses by which a success says no.
	no []IntentStatus
}

type answerForm int

const (
	formAny      answerForm = iota // JSON that does not say that it failed
	formEnvelope                   // success and data
	formSuccess                    // success; what else is in it is not documented
	formList                       // a list, within an envelope or not
)

func ruleOf(kind string) answerRule {
	const ref, id = "referenceNumber", "id"
	intent, product, endpoint := []string{ref}, []string{id, "externalId"}, []string{id}
	switch kind {
	case kindCreatePayment:
		return answerRule{form: formEnvelope, made: ref, whole: wholeIntent, differs: intentDiffers, no: []IntentStatus{IntentFailed}}
	case kindGetPayment:
		return answerRule{form: formEnvelope, made: ref, collection: intents, names: intent, whole: wholeIntent}
	case kindCancelPayment:
		return answerRule{form: formSuccess, made: ref, collection: intents, names: intent, no: []IntentStatus{
			IntentPaid, IntentCompleted, IntentRefunded, IntentFailed,
		}}
	case kindSimulate:
		return answerRule{form: formSuccess, made: ref, collection: intents, names: intent}
	case kindCreateRefund:
		return answerRule{form: formEnvelope, made: id, collection: intents, names: intent, begins: intentMark, whole: tellsOfARefund}
	case kindCreateProduct:
		return answerRule{form: formEnvelope, made: id, differs: productDiffers}
	case kindUpdateProduct:
		return answerRule{form: formSuccess, made: id, collection: products, names: product, differs: productDiffers}
	case kindSetStock:
		return answerRule{form: formEnvelope, made: id, collection: products, names: product}
	case kindSetVariantStock, kindDeleteProduct:
		return answerRule{form: formSuccess, made: id, collection: products, names: product}
	case kindCreateEndpoint:
		return answerRule{form: formEnvelope, made: id, whole: hasID, differs: endpointDiffers}
	case kindUpdateEndpoint:
		return answerRule{form: formSuccess, made: id, collection: endpoints, names: endpoint, differs: endpointDiffers}
	case kindDeleteEndpoint, kindTestEndpoint:
		return answerRule{form: formSuccess, made: id, collection: endpoints, names: endpoint}
	case kindGetOrder: // documented without success
		return answerRule{made: ref, collection: orders, names: []string{ref, id}, whole: isThere}
	case kindImportProducts:
		return answerRule{form: formSuccess}
	case kindGetTemplate:
		return answerRule{form: formEnvelope}
	case kindListIntents, kindListOrders:
		return answerRule{form: formList}
	}
	return answerRule{made: id}
}

// intentMark is what the reference number of every intent begins with.
const intentMark = "PI-"

// open returns the answer's data; false if it is not of the form, or says that it failed. Data that is no object has no fields.
func (r *answerRule) open(body []byte) (data adapter.Object, ok bool) {
	doc := adapter.ObjectOf(body)
	if !json.Valid(body) || doc.Is("success", "false") || (doc["error"] != nil && !doc.Is("error", "null")) {
		return nil, false
	}
	data = doc.Object("data")
	switch r.form {
	case formAny:
		ok = true
	case formEnvelope:
		ok = doc.Is("success", "true") && data != nil
	case formSuccess:
		ok = doc.Is("success", "true")
	case formList:
		_, _, ok = listIn(body)
	}
	return data, ok
}

// declines says that a whole answer is a no. An intent that failed and was paid contradicts itself: it is taken for one that exists.
func (r *answerRule) declines(data adapter.Object) bool {
	status := IntentStatus(data.Text("status"))
	return slices.Contains(r.no, status) && (status.moneyMoved() || !saysPaid(data))
}

// id is Elebne's id of what was made or changed; an intent that was changed is known from the path.
func (r *answerRule) id(path string, data adapter.Object) string {
	if id := data.Text(r.made); id != "" || r.made != "referenceNumber" {
		return id
	}
	return idIn(path, r.collection)
}

// strays says that none of the fields which may repeat the id of the path does. Where one of them is missing, it may have been that.
func (r *answerRule) strays(path string, data adapter.Object) bool {
	asked := idIn(path, r.collection)
	if asked == "" {
		return false
	}
	for _, name := range r.names {
		if told := data.Text(name); told == "" || told == asked || !strings.HasPrefix(told, r.begins) {
			return false
		}
	}
	return true
}

// idIn returns the element of a path that follows the collection; "" if there is none.
func idIn(path, collection string) string {
	if collection == "" {
		return ""
	}
	_, rest, _ := strings.Cut(path, collection+"/")
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "/")
	id, err := url.PathUnescape(rest)
	if err != nil {
		return ""
	}
	return id
}

// wholeIntent asks for what is documented of every intent; the amount is null where the payer chooses it.
func wholeIntent(data adapter.Object) bool {
	_, isNumber := data.Integer("amount")
	return data.Text("referenceNumber") != "" && data.Text("status") != "" && (isNumber || data.Is("amount", "null"))
}

// tellsOfARefund asks for what is documented of a refund's answer, or for the intent that it is a refund of.
func tellsOfARefund(data adapter.Object) bool {
	_, refunded := data["refunded"]
	return refunded || data.Text("referenceNumber") != ""
}

func isThere(data adapter.Object) bool { return data != nil }

func hasID(data adapter.Object) bool { return data.Text("id") != "" }

// intentDiffers compares an intent with the one that was asked for. Space around a text may get lost, and the case of a word.
func intentDiffers(sent, data adapter.Object) bool {
	amountType := cmp.Or(sent.Text("amountType"), string(AmountFixed))
	asked, isNumber := sent.Integer("amount")
	told, isFixed := data.Integer("amount")
	return (amountType != string(AmountOpen) && isNumber && (!isFixed || asked != told)) ||
		adapter.Differ(amountType, strings.ToUpper(data.Text("amountType"))) ||
		adapter.Differ(currency, strings.ToUpper(data.Text("currency"))) ||
		adapter.Differ(strings.TrimSpace(sent.Text("label")), strings.TrimSpace(data.Text("label"))) ||
		metadataDiffers(sent, data)
}

// metadataDiffers says that metadata came back without something that was sent, or with the payonce_ref of another operation. More may
// come back, a value that is empty may be missing, and no metadata at all says nothing.
func metadataDiffers(sent, data adapter.Object) bool {
	var asked map[string]string
	_ = json.Unmarshal(sent["metadata"], &asked) // what can't be read compares with nothing
	if isNothing(data, "metadata") {
		return false
	}
	told := data.Object("metadata")
	for key, value := range asked {
		if strings.TrimSpace(told.Text(key)) != strings.TrimSpace(value) {
			return true
		}
	}
	return asked[adapter.RefKey] == "" && told.Text(adapter.RefKey) != ""
}

// isNothing says that a field is missing, null or empty, in whatever form.
func isNothing(o adapter.Object, name string) bool {
	list, isList := o.List(name)
	object := o.Object(name)
	return o[name] == nil || o.Is(name, "null") || o.Is(name, `""`) || (isList && len(list) == 0) || (object != nil && len(object) == 0)
}

// saysPaid says that an intent has a time of payment, readable or not, in the spelling of either surface. Whatever its status says, no
// new key may then be had for it.
func saysPaid(data adapter.Object) bool {
	return !isNothing(data, "paidAt") || !isNothing(data, "paid_at")
}

func productDiffers(sent, data adapter.Object) bool {
	asked, _ := sent.Integer("price")
	told, _ := data.Integer("price")
	return adapter.Differ(asked, told) || adapter.Differ(sent.Text("externalId"), data.Text("externalId"))
}

func endpointDiffers(sent, data adapter.Object) bool {
	return adapter.Differ(plainURL(sent.Text("url")), plainURL(data.Text("url")))
}

// plainURL is a URL without the differences that make none.
func plainURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimSuffix(u.String(), "/")
}
