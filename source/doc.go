// Package source turns what a processor says of its code into code that can run: git reference to commit, commit to checkout, checkout to environment.
//
// Everything it keeps lies in one directory, shared by all processors of a
// node, and is built once: mirrors of repositories, checkouts of commits and
// Python environments. DESIGN.md tells how environments are built.
package source
