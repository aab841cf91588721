namespace MergeTasks.Numerics.Optimizing;

/// <summary>
/// A density over points, estimated from some of them (Parzen 1962): the mean of one kernel for each, which is the product of a truncated
/// normal for every number and a peak for every choice, and of the uniform density.
/// </summary>
internal sealed class ParzenMixture
{
    // Widths of numbers are shares of their range; of n points in d dimensions n^(−1/(d+4)) of this (Scott 1992), at least 1/(n+2) or
    // 1/100.
    private const double Width = 0.2;
    private const double LeastWidth = 0.01;

    private readonly IReadOnlyList<SearchDimension> _dimensions;
    private readonly IReadOnlyList<double[]> _points;
    private readonly double _width;

    /// <summary>Estimates.</summary>
    /// <param name="dimensions">What the coordinates are.</param>
    /// <param name="points">The points; none: the density is uniform.</param>
    public ParzenMixture(IReadOnlyList<SearchDimension> dimensions, IReadOnlyList<double[]> points)
    {
        (_dimensions, _points) = (dimensions, points);
        _width = Math.Max(
            Width * Math.Pow(Math.Max(1, points.Count), -1.0 / (dimensions.Count + 4)),
            Math.Max(LeastWidth, Math.Min(Width / 2, 1.0 / (points.Count + 2))));
    }

    /// <summary>Draws a point.</summary>
    public double[] Draw(UniformNumbers random)
    {
        var chosen = random.Below(_points.Count + 1);
        var near = chosen < _points.Count ? _points[chosen] : null;
        var point = new double[_dimensions.Count];
        for (var i = 0; i < point.Length; i++)
        {
            var dimension = _dimensions[i];
            if (dimension.IsActive?.Invoke(point) == false)
                point[i] = double.NaN;
            else if (near is null || double.IsNaN(near[i]))
                point[i] = dimension.At(random.Next());
            else
                point[i] = dimension.Choices > 0 ? DrawChoice(dimension, near[i], random) : DrawNumber(dimension, near[i], random);
        }

        return point;
    }

    /// <summary>The natural logarithm of the density at a point, against the uniform one.</summary>
    public double LogDensity(double[] point)
    {
        var sum = 1.0;
        foreach (var near in _points)
        {
            var kernel = 1.0;
            for (var i = 0; i < point.Length; i++)
            {
                // What means nothing here or there says nothing about how near they are.
                if (!double.IsNaN(point[i]) && !double.IsNaN(near[i]))
                    kernel *= Kernel(_dimensions[i], near[i], point[i]);
            }

            sum += kernel;
        }

        return Math.Log(sum / (_points.Count + 1));
    }

    private double Kernel(SearchDimension dimension, double near, double at)
    {
        if (dimension.Choices > 0)
            return (at == near ? Peak(dimension) : (1 - Peak(dimension)) / (dimension.Choices - 1)) * dimension.Choices;
        var (center, place) = (Unit(dimension, near), Unit(dimension, at));
        var mass = Cumulative((1 - center) / _width) - Cumulative(-center / _width);
        var distance = (place - center) / _width;
        return Math.Exp(-0.5 * distance * distance) / (Math.Sqrt(2 * Math.PI) * _width * mass);
    }

    // The probability of the choice itself: one observation beside a prior of one for all choices, which weighs less the more points there
    // are.
    private double Peak(SearchDimension dimension)
    {
        var prior = 1.0 / Math.Max(1, _points.Count);
        return (1 + prior) / (1 + (prior * dimension.Choices));
    }

    private double DrawChoice(SearchDimension dimension, double near, UniformNumbers random)
    {
        if (dimension.Choices == 1 || random.Next() < Peak(dimension))
            return near;
        var other = random.Below(dimension.Choices - 1);
        return other < near ? other : other + 1;
    }

    private double DrawNumber(SearchDimension dimension, double near, UniformNumbers random)
    {
        var center = Unit(dimension, near);
        while (true)
        {
            // At least some 48 of 100 draws lie inside.
            if (center + (_width * random.Normal()) is >= 0 and <= 1 and var unit)
                return dimension.At(unit);
        }
    }

    private static double Unit(SearchDimension dimension, double value) => (value - dimension.Low) / (dimension.High - dimension.Low);

    // The standard normal distribution's, within 7.5e-8 (Abramowitz and Stegun 1964, 26.2.17).
    private static double Cumulative(double x)
    {
        var t = 1 / (1 + (0.2316419 * Math.Abs(x)));
        var tail = Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI)
            * t * (0.319381530 + (t * (-0.356563782 + (t * (1.781477937 + (t * (-1.821255978 + (t * 1.330274429))))))));
        return x >= 0 ? 1 - tail : tail;
    }
}
