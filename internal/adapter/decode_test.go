package adapter_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/adapter"
)

// line is a struct within a struct.
type line struct {
	Name  string `json:"name"`
	Count int    `json:"count,omitempty"`
}

// plain is what a type around it has fields of its own for.
type plain struct {
	ID       string            `json:"id"`
	Approved bool              `json:"approved"`
	Metadata map[string]string `json:"metadata"`
}

type paid struct {
	plain
	Approved json.RawMessage `json:"approved"`
	Token    payonce.Secret  `json:"token"`
	At       stamp           `json:"at"`
	First    line            `json:"first"`
	Lines    []line          `json:"lines"`
	Last     *line           `json:"last"`
	Words    []string        `json:"words"`
	Amount   *int64          `json:"amount"`
	Untagged string
	Left     string `json:"-"`
	unread   string
}

// stamp reads itself, and null too.
type stamp struct{ text string }

func (s *stamp) UnmarshalJSON(text []byte) error {
	if string(text) == `"never"` {
		return assert.AnError
	}
	s.text = string(text)
	return nil
}

func decoded(t *testing.T, text string) (got paid, odd bool) {
	t.Helper()
	odd, err := adapter.Decode([]byte(text), &got)
	require.NoError(t, err, text)
	return got, odd
}

func TestDecodeReadsWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, ` {"id":"1"} `, `{"id":"1","approved":true,"metadata":{"a":"b"},"token":"t","at":"noon","first":{"name":"n","count":3},` +
			`"lines":[{"name":"a"},null,{"count":2}],"last":{"name":"z"},"words":["a",null],"amount":7,"Untagged":"u"}`,
		`{"id":null,"approved":null,"metadata":null,"token":null,"at":null,"first":null,"lines":null,"last":null,"words":null,"amount":null}`,
		`{"id":"1","id":"2","lines":[],"words":[],"metadata":{},"unknown":[1,{}]}`,
	} {
		var want paid
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		got, odd := decoded(t, text)
		assert.Equal(t, want, got, text)
		assert.False(t, odd, text)
	}
}

func TestDecodeGoesByTheCaseOfNames(t *testing.T) {
	t.Parallel()
	got, odd := decoded(t, `{"id":"1","ID":"2","First":{"name":"x"},"first":{"name":"n","Name":"N"},"Token":"t","LEFT":"l","-":"l","unread":"u"}`)
	assert.Equal(t, paid{plain: plain{ID: "1"}, First: line{Name: "n"}}, got)
	assert.False(t, odd)
	assert.Empty(t, got.unread)
}

func TestAnOddFieldStaysEmptyAndHidesNothing(t *testing.T) {
	t.Parallel()
	for odd, want := range map[string]paid{
		`"token":{}`:                            {},
		`"at":"never"`:                          {},
		`"first":[]`:                            {},
		`"first":{"name":5,"count":3}`:          {First: line{Count: 3}},
		`"first":{"name":"n","count":"3"}`:      {First: line{Name: "n"}},
		`"lines":{}`:                            {},
		`"lines":[5,{"name":"b","count":true}]`: {Lines: []line{{}, {Name: "b"}}},
		`"last":"x"`:                            {},
		`"words":["a",5]`:                       {Words: []string{"a", ""}},
		`"amount":"7"`:                          {},
		`"amount":1e30`:                         {},
	} {
		want.ID = "1"
		got, isOdd := decoded(t, `{`+odd+`,"id":"1"}`)
		assert.Equal(t, want, got, odd)
		assert.True(t, isOdd, odd)
	}
	got, odd := decoded(t, `{"metadata":{"n":1,"a":"b"}}`)
	assert.Equal(t, map[string]string{"a": "b"}, got.Metadata)
	assert.True(t, odd)
}

func TestAFieldOfTheStructAroundHidesTheOneWithin(t *testing.T) {
	t.Parallel()
	got, odd := decoded(t, `{"approved":"yes"}`)
	assert.JSONEq(t, `"yes"`, string(got.Approved))
	assert.False(t, got.plain.Approved)
	assert.False(t, odd, "the one within is not read")
}

func TestWhatIsNoObjectIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `null`, `[]`, `"canary"`, `5`, `{`, `{"id":"canary"`, `{} {}`} {
		var got paid
		_, err := adapter.Decode([]byte(text), &got)
		require.Error(t, err, text)
		assert.NotContains(t, err.Error(), "canary")
		assert.Empty(t, got)
	}
	_, err := adapter.Decode([]byte(`[]`), new(struct{}))
	assert.NoError(t, err, "nothing was asked for")
}

func TestTextIsReadAsEncodingJSONReadsIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `"`, `""`, `"a"`, ` "a" `, `"a`, `a"`, `"a"b"`, `"a\"b"`, `"a\nb"`, `"\u00e9é\ud83d\ude00"`, `"\ud83d"`, `"\"`, `"\x"`, "\"a\x1fb\"", "\"a\x7fb\"",
		"\"a\xff\"", "\"\u2028\"", `"a"{}`, `5`, `null`, `[]`,
	} {
		var want, got string
		wantErr := json.Unmarshal([]byte(text), &want)
		_, err := adapter.Decode([]byte(text), &got)
		assert.Equal(t, wantErr, err, "%q", text)
		assert.Equal(t, want, got, "%q", text)
		var number, wantNumber json.Number
		wantErr = json.Unmarshal([]byte(text), &wantNumber)
		_, err = adapter.Decode([]byte(text), &number)
		assert.Equal(t, wantErr, err, "%q", text)
		assert.Equal(t, wantNumber, number, "%q", text)
	}
}

func TestATypeThatReadsItselfSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	var at stamp
	_, err := adapter.Decode([]byte(`"never"`), &at)
	require.ErrorIs(t, err, assert.AnError)
	_, err = adapter.Decode([]byte(`"noon"`), &at)
	require.NoError(t, err)
	assert.Equal(t, `"noon"`, at.text)
}

func TestAListThatCantBeReadIsNoShorterOne(t *testing.T) {
	t.Parallel()
	items, err := adapter.Items[line]([]json.RawMessage{[]byte(`{"name":"a","Name":"b"}`), []byte(`{"name":5,"count":2}`)})
	require.NoError(t, err)
	assert.Equal(t, []line{{Name: "a"}, {Count: 2}}, items)
	for _, element := range []string{`5`, `null`, `[]`, `"x"`} {
		items, err = adapter.Items[line]([]json.RawMessage{[]byte(`{"name":"a"}`), []byte(element)})
		require.Error(t, err, element)
		assert.Empty(t, items)
	}
	raw, err := adapter.Items[json.RawMessage]([]json.RawMessage{[]byte(`5`)})
	require.NoError(t, err)
	assert.Equal(t, []json.RawMessage{[]byte(`5`)}, raw, "as they are")
}

func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		var got paid
		_, err := adapter.Decode(text, &got)
		o := adapter.ObjectOf(text)
		require.Equal(t, o == nil, err != nil)
		require.Equal(t, o.Text("id"), got.ID, "read in two ways")
		require.Equal(t, o.Object("first").Text("name"), got.First.Name, "read in two ways")
	})
}
