from mmvareid.viewpoint.names import describe_views, view_name, view_names


def test_names_of_up_to_three_and_of_more_views():
    assert view_names(3) == ("front", "side", "back") and view_names(0) == ()
    assert view_names(2) == ("front", "side")
    assert view_names(4) == ("view0", "view1", "view2", "view3") and view_name(3, 4) == "view3"


def test_counts_of_views():
    assert describe_views([0, 0, 1]) == "2 front, 1 side, 0 back"
    assert describe_views([3]) == "0 view0, 0 view1, 0 view2, 1 view3"
