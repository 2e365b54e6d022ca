package providertest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/payonce/payonce"
)

func readingChecks() []check {
	return []check{{"what is taken for a success can be read, and in one way", oneReading}}
}

// oneReading changes the answer to the ordinary payment field by field. Whatever Classify still takes for an answer must decode, to the
// same id and status: otherwise a payment that was made is not told, or may be paid again because of a status that nobody classified.
func oneReading(s *Subject, r *report) {
	p := s.New()
	req := request(s, p, r)
	for _, text := range append(changed(s.Created.Body), s.Created.Body) {
		res := s.Created.response(s.Created.Status, text, true)
		v := p.Classify(req, res)
		if v.Class != payonce.ClassSucceeded && v.Class != payonce.ClassDeclined {
			continue
		}
		payment, err := p.Portable().Payment(req.Kind, res.Body)
		if err != nil || payment == nil {
			r.add("it is taken, and can't be decoded:", text)
			continue
		}
		r.expect(payment.ID == v.ResourceID, "two ids are read out of", text)
		r.expect(v.Class == payonce.ClassDeclined || payment.ProviderStatus == v.Code, "two statuses are read out of", text)
	}
}

// changed returns an object with each of its fields, and of those of the objects within, of another type, and with each of its names once
// more in another case; nothing for what is no object.
func changed(text string) (all []string) {
	var o map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &o) != nil {
		return nil
	}
	end := strings.LastIndex(text, "}")
	for _, name := range slices.Sorted(maps.Keys(o)) {
		values := append(changed(string(o[name])), `7`, `"x"`, `true`, `[5]`, `{"n":1}`, `null`)
		for _, value := range values {
			other := maps.Clone(o)
			other[name] = json.RawMessage(value)
			whole, _ := json.Marshal(other) // it was JSON before
			all = append(all, string(whole))
		}
		for _, again := range []string{strings.ToUpper(name), strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]} {
			key, _ := json.Marshal(again) // a string can always be encoded
			for _, value := range []string{`"x"`, `7`, `null`} {
				all = append(all, text[:end]+`,`+string(key)+`:`+value+text[end:])
			}
		}
	}
	return all
}
