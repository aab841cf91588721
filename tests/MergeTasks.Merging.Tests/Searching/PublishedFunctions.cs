using MergeTasks.Numerics.Optimizing;

namespace MergeTasks.Merging.Tests.Searching;

/// <summary>The optimiser on published test functions with known minima, beside random search with as many evaluations.</summary>
public sealed class PublishedFunctions
{
    private const int Seeds = 15;
    private const int Evaluations = 60;

    /// <summary>Name, ranges, function, known minimum.</summary>
    private static readonly Dictionary<string, (SearchDimension[] Space, Func<double[], double> Of, double Minimum)> Functions = new()
    {
        // Branin: Dixon and Szegő 1978.
        ["Branin"] = (
            [SearchDimension.Between(-5, 10), SearchDimension.Between(0, 15)],
            x => Math.Pow(x[1] - (5.1 / (4 * Math.PI * Math.PI) * x[0] * x[0]) + (5 / Math.PI * x[0]) - 6, 2)
                + (10 * (1 - (1 / (8 * Math.PI))) * Math.Cos(x[0])) + 10,
            0.397887),

        // Rosenbrock 1960.
        ["Rosenbrock"] = (
            [SearchDimension.Between(-2, 2), SearchDimension.Between(-1, 3)],
            x => (100 * Math.Pow(x[1] - (x[0] * x[0]), 2)) + Math.Pow(1 - x[0], 2),
            0),

        // Hartmann's function of six variables: Dixon and Szegő 1978.
        ["Hartmann-6"] = ([.. Enumerable.Range(0, 6).Select(_ => SearchDimension.Between(0, 1))], Hartmann, -3.32237),
    };

    [Fact]
    public void Have_the_minima_that_are_published()
    {
        Assert.Equal(0.397887, Functions["Branin"].Of([Math.PI, 2.275]), 1e-5);
        Assert.Equal(0, Functions["Rosenbrock"].Of([1, 1]), 1e-12);
        Assert.Equal(-3.32237, Functions["Hartmann-6"].Of([0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]), 1e-4);
    }

    [Theory]
    [InlineData("Branin", 0.35)]
    [InlineData("Rosenbrock", 0.7)]
    [InlineData("Hartmann-6", 0.6)]
    public void Are_minimised_closer_than_by_random_search_at_equal_cost(string name, double most)
    {
        var (space, of, minimum) = Functions[name];
        var (own, random) = (Median(Search), Median(Random));
        Assert.True(own <= most * random, $"{name}: {own:0.0000} above the minimum, random search {random:0.0000}");

        double Median(Func<int, double> best) =>
            Enumerable.Range(0, Seeds).Select(seed => best(seed) - minimum).Order().ElementAt(Seeds / 2);

        double Search(int seed) => Tried(space, of, seed)[0].Value;

        double Random(int seed)
        {
            var numbers = UniformNumbers.Of(1000, seed);
            var anywhere = new ParzenMixture(space, []);
            return Enumerable.Range(0, Evaluations).Min(_ => of(anywhere.Draw(numbers)));
        }
    }

    [Fact]
    public void A_choice_that_decides_which_other_numbers_count_is_found()
    {
        // Of three valleys the one in the middle is deepest; each has a coordinate of its own.
        SearchDimension[] space =
        [
            SearchDimension.OneOf(3),
            .. Enumerable.Range(0, 3).Select(choice => SearchDimension.Between(-3, 3) with { IsActive = point => point[0] == choice }),
        ];
        double[] floors = [1, 0, 2];
        for (var seed = 0; seed < 5; seed++)
        {
            var tried = Tried(space, point => floors[(int)point[0]] + Math.Pow(point[1 + (int)point[0]] - 1, 2), seed);
            Assert.Equal(1, tried[0].Point[0]);
            Assert.InRange(tried[0].Value, 0, 0.05);
            Assert.All(tried, one => Assert.Equal(2, one.Point.Skip(1).Count(double.IsNaN)));
            Assert.All(
                tried.SelectMany(one => one.Point.Skip(1)).Where(value => !double.IsNaN(value)), value => Assert.InRange(value, -3, 3));
        }
    }

    [Fact]
    public void The_same_seed_tries_the_same_points_and_another_does_not()
    {
        var (space, of, _) = Functions["Branin"];
        Assert.Equal(Tried(space, of, 3).Select(one => one.Point), Tried(space, of, 3).Select(one => one.Point));
        Assert.NotEqual(Tried(space, of, 3)[0].Point, Tried(space, of, 4)[0].Point);
    }

    // The points in the order of their values.
    private static List<(double[] Point, double Value)> Tried(SearchDimension[] space, Func<double[], double> of, int seed)
    {
        var search = new ParzenSearch(space, seed);
        var tried = new List<(double[] Point, double Value)>();
        for (var i = 0; i < Evaluations; i++)
        {
            var point = search.Suggestions([.. tried.Select(one => one.Point)]).First();
            tried.Add((point, of(point)));
            tried = [.. tried.OrderBy(one => one.Value)];
        }

        return tried;
    }

    private static double Hartmann(double[] x)
    {
        double[] alpha = [1, 1.2, 3, 3.2];
        double[][] a =
        [
            [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
        ];
        double[][] p =
        [
            [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
            [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
        ];
        return -Enumerable.Range(0, 4).Sum(i =>
            alpha[i] * Math.Exp(-Enumerable.Range(0, 6).Sum(j => a[i][j] * Math.Pow(x[j] - p[i][j], 2))));
    }
}
