"""The API as it is described: OpenAPI 3.1, and a page to read it on.

A route is described in the section that it belongs to, beside this file: a `route(...)` in its `ROUTES`. A test names
the routes that the application has and nobody has described, and those that are described and are not there.
"""
