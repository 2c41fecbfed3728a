"""PD's decisions, as functions of what PD knows: where a Region's replicas should be, and the steps that lead there.

::

    schedule       Schedule: the settings, by PD's names; the paces of a playground and PD's own
    view           Cluster, StoreView: an immutable picture of the cluster, which all decisions are functions of
    steps          the steps of an operator: what is sent for each, and how it is seen to be done
    operators      Operator, and how one is built from where the replicas are to be
    scores         how full a store is, and how far apart stores are
    moving         operators that move replicas, by the cluster's settings
    filters        which stores may give or take a replica or a leader
    checkers       what is wrong with one Region, and the operator that mends it
    balance        what is uneven between stores, and the operator that evens it out
    limits         how many replicas a store may take or give in a minute
    controller     the operators that run: one for each Region, step by step as its heartbeats come

No sockets, no clock and no chance of its own in here: time and randomness are handed in.
"""
