package h1

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// named is every rule by the name of its variable.
var named = map[string]*semantics.Error{
	"ErrBareLF": ErrBareLF, "ErrBareCR": ErrBareCR,
	"ErrTLSHandshake": ErrTLSHandshake, "ErrEmptyLines": ErrEmptyLines, "ErrRequestLine": ErrRequestLine,
	"ErrMethod": ErrMethod, "ErrMethodTooLong": ErrMethodTooLong,
	"ErrTarget": ErrTarget, "ErrTargetTooLong": semantics.ErrTargetTooLong,
	"ErrVersionMissing": ErrVersionMissing, "ErrVersionSyntax": ErrVersionSyntax, "ErrVersion": ErrVersion,
	"ErrTargetForm": ErrTargetForm, "ErrTargetScheme": ErrTargetScheme, "ErrTargetAuthority": ErrTargetAuthority,
	"ErrAuthorityForm": ErrAuthorityForm, "ErrAsteriskForm": ErrAsteriskForm,
	"ErrHeadTooLong": semantics.ErrHeadTooLong, "ErrTooManyFields": semantics.ErrTooManyFields,
	"ErrSpaceBeforeField": ErrSpaceBeforeField, "ErrObsFold": ErrObsFold, "ErrSpaceBeforeColon": ErrSpaceBeforeColon,
	"ErrNoColon": ErrNoColon, "ErrFieldName": ErrFieldName, "ErrFieldValue": ErrFieldValue,
	"ErrExpectation": semantics.ErrExpectation,
	"ErrHostMissing": ErrHostMissing, "ErrHostRepeated": ErrHostRepeated, "ErrHostInvalid": ErrHostInvalid,
	"ErrLengthSyntax": semantics.ErrLengthSyntax, "ErrLengthRepeated": ErrLengthRepeated,
	"ErrLengthOverflow": semantics.ErrLengthOverflow, "ErrLengthWithCoding": ErrLengthWithCoding,
	"ErrCodingHTTP10": ErrCodingHTTP10, "ErrCodingRepeated": ErrCodingRepeated, "ErrCodingSyntax": ErrCodingSyntax,
	"ErrCodingNotChunked": ErrCodingNotChunked, "ErrCodingTwice": ErrCodingTwice,
	"ErrCodingUnsupported": ErrCodingUnsupported, "ErrBodyTooLarge": semantics.ErrBodyTooLarge,
	"ErrChunkSize": ErrChunkSize, "ErrChunkSizeOverflow": ErrChunkSizeOverflow,
	"ErrChunkExt": ErrChunkExt, "ErrChunkExtTooLong": ErrChunkExtTooLong, "ErrChunkExtTotal": ErrChunkExtTotal,
	"ErrChunkEnd": ErrChunkEnd, "ErrTrailerTooLong": ErrTrailerTooLong, "ErrTooManyTrailers": ErrTooManyTrailers,
	"ErrTargetURL": semantics.ErrTargetURL, "ErrHeaderTimeout": semantics.ErrHeaderTimeout,
	"ErrBodyTimeout": semantics.ErrBodyTimeout, "ErrBodyTooSlow": semantics.ErrBodyTooSlow,
	"ErrOverload": semantics.ErrOverload, "ErrPanic": semantics.ErrPanic,
}

// errorName returns the name of the variable that err is.
func errorName(t testing.TB, err error) string {
	for name, e := range named {
		if err == e {
			return name
		}
	}
	t.Fatalf("error %v (%T) is no rule of this package", err, err)
	return ""
}

// TestErrors holds errors.go and the map above together, and each rule to the form that its fields promise.
func TestErrors(t *testing.T) {
	declared := 0
	for _, name := range []string{"errors.go", "../semantics/errors.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Err") {
				declared++
				if name := spec.Names[0].Name; named[name] == nil {
					t.Errorf("%s is not in the map of names", name)
				}
			}
			return true
		})
	}
	if declared != len(named) {
		t.Errorf("%d rules are declared, the map has %d", declared, len(named))
	}
	section := regexp.MustCompile(`^RFC \d{4} §\d+(\.\d+)*$`)
	texts := make(map[string]string)
	for name, e := range named {
		if !section.MatchString(e.Section) || e.Status < 400 || http.StatusText(e.Status) == "" {
			t.Errorf("%s: section %q, status %d", name, e.Section, e.Status)
		}
		if e.Rule == "" || strings.ContainsAny(e.Rule, "\r\n") || texts[e.Rule] != "" {
			t.Errorf("%s: text %q is empty, not one line or also that of %s", name, e.Rule, texts[e.Rule])
		}
		texts[e.Rule] = name
		if got := e.Error(); got != e.Rule+" ("+e.Section+")" {
			t.Errorf("%s: Error() = %q", name, got)
		}
	}
}
