package payonce_test

import (
	"bytes"
	"cmp"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var updateAPI = flag.Bool("update", false, "TestAPI: write api.txt anew")

const apiHeader = "# The exported API of the root package. A change here is a change for every caller: review it, then run `make api-update`.\n\n"

// TestAPI compares what the root package exports with the reviewed api.txt.
func TestAPI(t *testing.T) {
	t.Parallel()
	var entries []string
	for _, f := range sources(t) {
		if f.dir == "." && !f.test {
			entries = append(entries, api(t, f)...)
		}
	}
	require.NotEmpty(t, entries, "the root exports nothing")
	slices.Sort(entries)
	got := apiHeader + strings.Join(entries, "\n") + "\n"
	if *updateAPI {
		require.NoError(t, os.WriteFile("api.txt", []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile("api.txt")
	require.NoError(t, err, "make api-update writes it")
	assert.Equal(t, string(want), got, "the exported API is not the reviewed one")
}

// api returns a file's exported declarations as text, without comments, bodies and unexported fields.
func api(t *testing.T, f *source) []string {
	t.Helper()
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, f.path, f.text, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.FileExports(syntax)
	var out []string
	for _, d := range syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body = nil; d.Recv == nil || ast.IsExported(receiver(d)) {
				out = append(out, printed(t, files, d))
			}
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			var typ ast.Expr
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					typ = declaredType(v, typ)
				}
				out = append(out, printed(t, files, &ast.GenDecl{Tok: d.Tok, Specs: []ast.Spec{spec}}))
			}
		}
	}
	return out
}

// declaredType gives a constant of an iota group the type of the group, drops values that a type stands for, and returns the type.
func declaredType(v *ast.ValueSpec, group ast.Expr) ast.Expr {
	if v.Type == nil && len(v.Values) == 0 {
		v.Type = group
	}
	if v.Type != nil {
		v.Values = nil
	}
	return v.Type
}

// printed leaves out what depends on the comments: blank lines and alignment.
func printed(t *testing.T, files *token.FileSet, node any) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, files, node))
	lines := slices.DeleteFunc(strings.Split(b.String(), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	return alignment.ReplaceAllString(strings.Join(lines, "\n"), "$1 ")
}

var alignment = regexp.MustCompile(`(\S)\t+`)

func TestTheRootHasFewNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range sources(t) {
		if f.dir != "." || f.test {
			continue
		}
		for _, e := range exports(f) {
			if e.method == "" && !e.enum {
				names = append(names, e.name)
			}
		}
	}
	slices.Sort(names)
	require.NotEmpty(t, names, "the root exports nothing")
	assert.LessOrEqual(t, len(names), maxRootNames, "exported names of the root: %s", strings.Join(names, " "))
	t.Logf("%d exported names", len(names))
}

func TestEveryExportIsDocumented(t *testing.T) {
	t.Parallel()
	count := 0
	for _, f := range sources(t) {
		if f.test || f.syntax.Name.Name == "main" {
			continue
		}
		for _, e := range exports(f) {
			count++
			assert.True(t, e.documented, "%s: %s has no comment", f.path, cmp.Or(e.method, e.name))
		}
	}
	require.NotZero(t, count, "nothing is exported")
	t.Logf("%d exports", count)
}

// export is an exported top-level name, or a method of one.
type export struct {
	name, method string
	documented   bool
	enum         bool // a constant, which go doc lists under its type
}

func exports(f *source) []export {
	var out []export
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			e := export{name: d.Name.Name, documented: said(d.Doc)}
			if d.Recv != nil {
				e.name, e.method = receiver(d), receiver(d)+"."+d.Name.Name
			}
			if ast.IsExported(e.name) && d.Name.IsExported() {
				out = append(out, e)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				out = append(out, specExports(spec, said(d.Doc), d.Tok == token.CONST)...)
			}
		}
	}
	return out
}

// specExports treats a comment on a group as one on each of its members.
func specExports(spec ast.Spec, group, constant bool) []export {
	var out []export
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			out = append(out, export{name: s.Name.Name, documented: group || said(s.Doc)})
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() {
				out = append(out, export{name: n.Name, documented: group || said(s.Doc) || said(s.Comment), enum: constant})
			}
		}
	}
	return out
}

func said(c *ast.CommentGroup) bool { return strings.TrimSpace(c.Text()) != "" }

func receiver(fn *ast.FuncDecl) string {
	typ := fn.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
