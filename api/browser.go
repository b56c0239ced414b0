package api

import (
	"net"
	"net/http"
)

// guardBrowsers refuses what a web page of another site makes a browser send.
// A node listens on loopback without asking who calls, so any page that the
// user opens could otherwise run code there: by a cross-site request, or under
// a name of its own that it lets point at 127.0.0.1. Programs other than
// browsers send no Origin, and are not concerned.
func guardBrowsers(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" && !plainHost(r.Host) {
			http.Error(w, "a browser may use this API by address or as localhost only, not as "+r.Host, http.StatusForbidden)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// plainHost says whether a Host header is an address or localhost: no name that
// somebody else can point here.
func plainHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return host == "localhost" || net.ParseIP(host) != nil
}
