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
   origin and CSRF token, and has read the form (``visit.form``, ``visit.many``, ``visit.files``; bounded by
   ``most_bytes`` and ``files``) before the endpoint runs. ``entry`` puts the page into the navigation of those roles that may open it. Endpoints of POST
   write with ``visit.console.store.writing()``, note the change in the audit trail (``visit.note``) and answer with
   ``visit.back_to("/things", said="things.added_done")`` (keys of such words end with ``_done``); a form that cannot be taken is rendered again with status 422.
2. ``console/pages/<name>/words.py``: ``WORDS = {"things.title": ("台账", "Ledger"), ...}``, Chinese first. A key begins
   with the page's name. Templates say ``{{ t("things.title") }}``; a key without words fails the tests.
3. ``console/pages/<name>/<name>.html``: extends ``layout.html``; macros are in ``parts.html`` (tables, chips, fields, empty
   states). Every form has ``{{ parts.csrf(visit) }}``. No inline script, no ``style=``: the policy forbids both. What
   must follow the data while the page is open carries ``data-live`` and an ``id``; a form with ``data-swap="#id"`` replaces
   only that element; ``data-confirm="..."`` asks before it sends.
4. Numbers: a reading module in ``console/reading/``, without requests or HTML. What takes more than a few ms goes through
   ``visit.console.snapshots.get(key, make)``; what depends only on days that are over also names its own revision,
   ``visit.console.changes.before(end_ms)``, so that today's chunks do not make it anew. Figures of a whole fleet:
   ``console.reading.figures.fleet_figures``; the month and the rows of hosts that all pages share:
   ``console.pages.overview.months``. Charts: a specification of ``documents.charts``, drawn by its ``draw``, never by
   ``render`` in this process: Vega's engine makes code while it runs, and the service's unit forbids that, which would end
   the collector. Work of minutes (packs, PDF) belongs into a process of its own for the same reason.
5. Name the folder in ``console/pages/__init__.py``.
   Who may only see the evidence lands on ``LANDING`` of ``console/pages/entry/routes.py``.
6. Tests: route x role, CSRF, both languages, widths, axe and console errors are generated from the table as soon
   as the page is in it (``tests/console/``); a path with parameters needs an example in ``tests/console/console_examples.py``.
"""
