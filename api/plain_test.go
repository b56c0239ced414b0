package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestWhatIsNoRequestIsAnsweredInWords(t *testing.T) {
	s := serve(t)
	large := `{"socket":"x","data":"` + strings.Repeat("1", 130<<20) + `"}`
	const run = "/flow.v1.Tasks/Run"
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		says                     string
	}{
		{"POST", run, "application/json", `{"socket":"x","data":[3]}`, 400, `data holds JSON as text, in quotes: "data": "[3]"`},
		{"POST", run, "application/json", `{"socket":"x","dta":"3"}`, 400, `unknown field "dta"`},
		{"POST", run, "application/json", ``, 400, "the body is empty"},
		{"POST", run, "application/json", large, 400, "one may have 135266304 (129 MiB)"},
		{"POST", run, "application/x-www-form-urlencoded", `{}`, 415, "application/x-www-form-urlencoded"},
		{"POST", run, "", `{}`, 415, "Content-Type: application/json"},
		{"GET", run, "", ``, 405, "must be POST; send JSON"},
		{"OPTIONS", run, "", ``, 405, "must be POST"},
		{"DELETE", run, "application/json", `{}`, 405, "the method is DELETE"},
		{"POST", "/flow.v1.Tasks/Runn", "application/json", `{}`, 404, "did you mean POST /flow.v1.Tasks/Run?"},
		{"POST", "/flow.v1.tasks/getcall", "", ``, 404, "did you mean POST /flow.v1.Tasks/GetCall?"},
		{"GET", "/static/0123456789abcdef.js", "", ``, 404, "serve /static/0123456789abcdef.js: there is nothing at this path; GET / says"},
		{"GET", "/health", "", ``, 404, "did you mean GET /healthz?"},
		{"GET", "/" + strings.Repeat("é", 1000), "", ``, 404, "nothing at this path"},
		{"POST", "/readyz", "application/json", `{}`, 405, "must be GET"},
		{"PUT", "/", "", ``, 405, "must be GET"},
		{"POST", run, "application/json; charset=utf-8", `{"socket":"x"}`, 404, "no such socket"},
	} {
		request, err := http.NewRequestWithContext(s.within(), c.method, s.url+c.path, bytes.NewBufferString(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.kind != "" {
			request.Header.Set("Content-Type", c.kind)
		}
		status, answer, text := s.send(request)
		if message, _ := answer["message"].(string); status != c.status || !strings.Contains(message, c.says) || answer["code"] == "" {
			t.Errorf("%s %s %q %.30s: %d %.300s", c.method, c.path, c.kind, c.body, status, text)
		}
	}
}
