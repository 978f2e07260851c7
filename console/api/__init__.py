"""The same data for programs: ``/api/v1/``, read only, made of the read models of the pages.

An operation is one line of ``console.api.operations.OPERATIONS``: path, scope, parameters, the shape of its
answer, the function. The OpenAPI document is made from the same table, so it cannot say anything else.
Programs show a token (``console.access.tokens``); cookies mean nothing here, so no other site can ask.
"""
