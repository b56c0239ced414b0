package model

import (
	"strings"

	"github.com/elasticcode/flow/messages"
)

// Redacted is an object as people may see it: without the credentials in its
// repository's URL and without its password. The object itself stays as it is.
func Redacted(o *messages.Object) *messages.Object {
	p := o.GetProcessor()
	url, credentials := withoutCredentials(p.GetGitrepo())
	serving, others := withoutCredentials(p.GetServing().GetGitrepo())
	if credentials == "" && others == "" && p.GetPassword() == "" {
		return o
	}
	o = clone(o)
	o.GetProcessor().Gitrepo, o.GetProcessor().Password = url, ""
	if others != "" {
		o.GetProcessor().Serving.Gitrepo = serving
	}
	return o
}

// withoutSecret removes from a text what must not be shown of a processor: a
// build that fails may quote the URL it was given.
func withoutSecret(text string, p *messages.Processor) string {
	return without(without(text, p.Gitrepo), p.GetServing().GetGitrepo())
}

// without removes the credentials of a URL from a text.
func without(text, url string) string {
	_, credentials := withoutCredentials(url)
	if credentials == "" {
		return text
	}
	text = strings.ReplaceAll(text, credentials+"@", "")
	if _, secret, ok := strings.Cut(credentials, ":"); ok && secret != "" {
		return strings.ReplaceAll(text, secret, "***")
	}
	return strings.ReplaceAll(text, credentials, "***")
}

// withoutCredentials splits a URL like https://USER:TOKEN@HOST/PATH. The user
// of an address like git@HOST:PATH or ssh://git@HOST/PATH is no secret and
// stays; that of an https URL may be a token.
func withoutCredentials(url string) (rest, credentials string) {
	scheme, after, ok := strings.Cut(url, "://")
	if !ok {
		return url, ""
	}
	host := after
	if i := strings.IndexAny(after, "/?#"); i >= 0 {
		host = after[:i]
	}
	at := strings.LastIndex(host, "@")
	if at < 0 || strings.HasSuffix(scheme, "ssh") && !strings.Contains(host[:at], ":") {
		return url, ""
	}
	return scheme + "://" + after[at+1:], after[:at]
}
