namespace MergeTasks.Numerics.Optimizing;

/// <summary>
/// One coordinate of the points that an optimiser tries: a number between two others, or one of some choices (its index, from 0).
/// </summary>
internal sealed record SearchDimension
{
    private SearchDimension(double low, double high, int choices) => (Low, High, Choices) = (low, high, choices);

    /// <summary>The smallest number.</summary>
    public double Low { get; }

    /// <summary>The largest number.</summary>
    public double High { get; }

    /// <summary>How many choices there are; 0 for a number.</summary>
    public int Choices { get; }

    /// <summary>
    /// Whether the coordinate means anything, given those before it; where it does not, it is NaN. <see langword="null"/>: always.
    /// </summary>
    public Func<IReadOnlyList<double>, bool>? IsActive { get; init; }

    /// <summary>A number between two others, both of which it may be.</summary>
    public static SearchDimension Between(double low, double high) => low < high
        ? new SearchDimension(low, high, 0)
        : throw new ArgumentException($"There is nothing between {low} and {high}.");

    /// <summary>One of some choices.</summary>
    public static SearchDimension OneOf(int choices) => choices > 0
        ? new SearchDimension(0, choices - 1, choices)
        : throw new ArgumentException("There is nothing to choose from.");

    /// <summary>The coordinate that a number from 0 to 1 stands for.</summary>
    internal double At(double unit) => Choices > 0 ? Math.Min(Choices - 1, Math.Floor(unit * Choices)) : Low + (unit * (High - Low));
}
