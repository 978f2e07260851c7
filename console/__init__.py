"""The console: the web pages of the collector, for the enterprise's engineers and its reviewer.

Served by the collector beside the wire (``collector.http.console``), rendered here on the server; what
the browser gets is in this package, nothing is fetched from elsewhere. The numbers come from
``console.reading``, the only package here that computes.

How to add a page
-----------------
A page is a folder of its own under ``console/pages/``; removing the folder removes the page.

1. ``console/pages/<name>/routes.py``: the endpoints and the table that declares them::

       PAGES = (
           Page("/things", listed, needs=Need.VIEW, entry=Entry("things.title", order=40)),
           Page("/things/add", added, needs=Need.OPERATE, methods=("POST",)),
       )

   An endpoint is a plain function ``(visit: Visit) -> Response``; it runs in a thread of the pool, so it may
   read the store. ``needs`` says which roles may ask (``console.access.roles``); the guard has checked role,
   origin and CSRF token, and has read the form (``visit.form``, bounded by ``most_bytes``) before the
   endpoint runs. ``entry`` puts the page into the navigation of those roles that may open it. Endpoints of POST
   write with ``visit.console.store.writing()``, note the change in the audit trail (``visit.note``) and answer with
   ``visit.back_to("/things")``; a form that cannot be taken is rendered again with status 422.
2. ``console/pages/<name>/words.py``: ``WORDS = {"things.title": ("台账", "Ledger"), ...}``, Chinese first. A key begins
   with the page's name. Templates say ``{{ t("things.title") }}``; a key without words fails the tests.
3. ``console/pages/<name>/<name>.html``: extends ``layout.html``; macros are in ``parts.html`` (tables, chips, fields, empty
   states). Every form has ``{{ parts.csrf(visit) }}``. No inline script, no ``style=``: the policy forbids both. What
   must follow the data while the page is open carries ``data-live`` and an ``id``; a form with ``data-swap="#id"`` replaces
   only that element; ``data-confirm="..."`` asks before it sends.
4. Numbers: a reading module in ``console/reading/``; what is expensive goes through ``visit.console.snapshots``.
5. Name the folder in ``console/pages/__init__.py``.
6. Tests: route x role, CSRF, both languages, widths, axe and console errors are generated from the table as soon
   as the page is in it (``tests/console/``); a path with parameters needs an example in ``tests/console/examples.py``.
"""
