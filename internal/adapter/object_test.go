package adapter_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce/internal/adapter"
)

func TestAFieldOfAnotherTypeIsAsGoodAsNone(t *testing.T) {
	t.Parallel()
	o := adapter.ObjectOf([]byte(`{"text":"a","empty":"","n":5,"big":1e99,"half":0.5,"yes": true ,"no":false,"null": null ,"list":[1,"b"],"none":[],"object":{"x":"c"},"bare":{}}`))
	names := []string{"text", "empty", "n", "big", "half", "yes", "no", "null", "list", "none", "object", "bare", "missing", "TEXT"}
	texts, integers := map[string]string{"text": "a"}, map[string]int64{"n": 5}
	lists, objects := map[string]int{"list": 2, "none": 0}, map[string]bool{"object": true, "bare": true}
	words := map[string]string{"text": "a", "list": "b", "object": "c"}
	for _, name := range names {
		assert.Equal(t, texts[name], o.Text(name), name)
		n, isNumber := o.Integer(name)
		_, want := integers[name]
		assert.Equal(t, want, isNumber, name)
		assert.Equal(t, integers[name], n, name)
		list, isList := o.List(name)
		length, want := lists[name]
		assert.Equal(t, want, isList, name)
		assert.Len(t, list, length, name)
		assert.Equal(t, objects[name], o.Object(name) != nil, name)
		assert.Equal(t, words[name], o.Words(name), name)
		for literal, field := range map[string]string{"true": "yes", "false": "no", "null": "null"} {
			assert.Equal(t, field == name, o.Is(name, literal), "%s %s", name, literal)
		}
		assert.False(t, o.Is(name, ""), "%s: a missing field is not spelled at all", name)
	}
	assert.Equal(t, "c", o.Object("object").Text("x"))
}

func TestWhatIsNoObjectHasNoFields(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "null", "[]", `"x"`, "5", "{", `{"a":1}{}`, "<html>", "\xff"} {
		o := adapter.ObjectOf([]byte(text))
		require.Nil(t, o, text)
		assert.Empty(t, o.Text("a"))
		assert.Empty(t, o.Words("a"))
		assert.Nil(t, o.Object("a"))
		_, isNumber := o.Integer("a")
		_, isList := o.List("a")
		assert.False(t, isNumber || isList || o.Is("a", "null"))
	}
	assert.NotNil(t, adapter.ObjectOf([]byte("{}")), "an empty object is one")
	assert.Equal(t, adapter.Object{"a": json.RawMessage("2")}, adapter.ObjectOf([]byte(`{"a":1,"a":2}`)), "the last one counts, as everywhere in Go")
}

func TestWordsAreFoundWhereverTheyStand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`" is wrong "`: "is wrong", `["a",["b",5,null,{"z":"d","c":"c"}],""," "]`: "a; b; c; d", `{"label":["is long"],"amount":"is low"}`: "is low; is long",
		`5`: "", `true`: "", `null`: "", `[]`: "", `{"n":404}`: "",
	} {
		assert.Equal(t, want, adapter.Object{"m": json.RawMessage(text)}.Words("m"), text)
	}
}

func TestWhatOneSideLeavesOutDoesNotDiffer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		sent, told string
		want       bool
	}{{"a", "a", false}, {"a", "b", true}, {"a", "", false}, {"", "b", false}, {"", "", false}, {"a", "A", true}} {
		assert.Equal(t, tc.want, adapter.Differ(tc.sent, tc.told), "%+v", tc)
	}
	assert.True(t, adapter.Differ(int64(1), 2))
	assert.False(t, adapter.Differ(int64(1), 0))
}
