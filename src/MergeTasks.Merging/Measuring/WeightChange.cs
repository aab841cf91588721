namespace MergeTasks.Merging.Measuring;

/// <summary>How several models' weights of one tensor differ from a base's: Δ_i = θ_i − θ_b, in fp32; sums are in fp64.</summary>
/// <param name="Tensor">The tensor's name in the base.</param>
/// <param name="Elements">Its elements.</param>
/// <param name="BaseSquares">Σ θ_b².</param>
/// <param name="Models">Each model's change.</param>
/// <param name="Pairs">Each pair of models, (0, 1), (0, 2), …, (1, 2), ….</param>
internal sealed record WeightChange(
    string Tensor, long Elements, double BaseSquares, IReadOnlyList<ModelChange> Models, IReadOnlyList<PairChange> Pairs)
{
    private const int OfTensor = 2;
    private const int OfModel = 4;
    private const int OfPair = 3;

    /// <summary>The pair of two models, in either order.</summary>
    public PairChange PairOf(int one, int other)
    {
        var (first, second) = (Math.Min(one, other), Math.Max(one, other));
        return Pairs[PairIndex(first, second, Models.Count)];
    }

    /// <summary>The changes of several tensors taken together.</summary>
    /// <param name="name">What to call them.</param>
    /// <param name="changes">The tensors, at least one, of the same models.</param>
    public static WeightChange Sum(string name, IReadOnlyList<WeightChange> changes) => new(
        name,
        changes.Sum(change => change.Elements),
        changes.Sum(change => change.BaseSquares),
        [.. changes[0].Models.Select((_, i) => ModelChange.Sum([.. changes.Select(change => change.Models[i])]))],
        [.. changes[0].Pairs.Select((_, i) => PairChange.Sum([.. changes.Select(change => change.Pairs[i])]))]);

    /// <summary>Where a pair stands among all pairs of <paramref name="models"/> models.</summary>
    public static int PairIndex(int first, int second, int models) => (first * ((2 * models) - first - 1) / 2) + second - first - 1;

    /// <summary>The numbers as a list, for <see cref="Unpack"/>.</summary>
    public double[] Pack() =>
        [
            Elements, BaseSquares,
            .. Models.SelectMany(model => new[] { model.Changed, model.Squares, model.BaseProduct, model.Largest }),
            .. Pairs.SelectMany(pair => new[] { pair.Product, pair.Shared, pair.Opposed }),
        ];

    /// <summary>The change that <see cref="Pack"/> made a list of.</summary>
    /// <param name="tensor">The tensor's name.</param>
    /// <param name="numbers">The list.</param>
    /// <param name="models">Number of models.</param>
    public static WeightChange Unpack(string tensor, ReadOnlySpan<double> numbers, int models)
    {
        var (own, pairs) = (new ModelChange[models], new PairChange[models * (models - 1) / 2]);
        for (var i = 0; i < own.Length; i++)
        {
            var at = numbers.Slice(OfTensor + (i * OfModel), OfModel);
            own[i] = new ModelChange((long)at[0], at[1], at[2], at[3]);
        }

        for (var i = 0; i < pairs.Length; i++)
        {
            var at = numbers.Slice(OfTensor + (models * OfModel) + (i * OfPair), OfPair);
            pairs[i] = new PairChange(at[0], (long)at[1], (long)at[2]);
        }

        return new WeightChange(tensor, (long)numbers[0], numbers[1], own, pairs);
    }

    /// <summary>‖Δ_i‖ / ‖θ_b‖; <see langword="null"/> where the base is all zeros.</summary>
    public double? RelativeSize(int model) => BaseSquares > 0 ? Math.Sqrt(Models[model].Squares / BaseSquares) : null;

    /// <summary>cos(θ_b, θ_i); <see langword="null"/> where one of them is all zeros.</summary>
    public double? CosineWithBase(int model)
    {
        var change = Models[model];
        var squares = BaseSquares + (2 * change.BaseProduct) + change.Squares;
        return change.Squares == 0 && BaseSquares > 0 ? 1 : Cosine(BaseSquares + change.BaseProduct, BaseSquares, squares);
    }

    /// <summary>cos(Δ_i, Δ_j); <see langword="null"/> where one of them is all zeros.</summary>
    public double? CosineOf(int one, int other) => Cosine(PairOf(one, other).Product, Models[one].Squares, Models[other].Squares);

    /// <summary>
    /// Of the elements that a model changed, the share that another changed in the same direction; <see langword="null"/> where it changed
    /// none.
    /// </summary>
    public double? KeptOf(int model, int other) => Models[model].Changed is > 0 and var changed && PairOf(model, other) is var pair
        ? (double)(pair.Shared - pair.Opposed) / changed : null;

    private static double? Cosine(double product, double a, double b) =>
        a > 0 && b > 0 ? Math.Clamp(product / (Math.Sqrt(a) * Math.Sqrt(b)), -1, 1) : null;
}

/// <summary>One model's change of a tensor.</summary>
/// <param name="Changed">Elements with Δ ≠ 0.</param>
/// <param name="Squares">Σ Δ².</param>
/// <param name="BaseProduct">Σ θ_b·Δ.</param>
/// <param name="Largest">max |Δ|.</param>
internal readonly record struct ModelChange(long Changed, double Squares, double BaseProduct, double Largest)
{
    /// <summary>Of several tensors together.</summary>
    public static ModelChange Sum(IReadOnlyList<ModelChange> changes) => new(
        changes.Sum(change => change.Changed),
        changes.Sum(change => change.Squares),
        changes.Sum(change => change.BaseProduct),
        changes.Max(change => change.Largest));
}

/// <summary>How two models' changes of a tensor go together.</summary>
/// <param name="Product">Σ Δ_i·Δ_j.</param>
/// <param name="Shared">Elements that both changed.</param>
/// <param name="Opposed">Those of them that they changed in opposite directions.</param>
internal readonly record struct PairChange(double Product, long Shared, long Opposed)
{
    /// <summary>Opposed elements as a share of the shared ones; <see langword="null"/> where there are none.</summary>
    public double? Conflict => Shared > 0 ? (double)Opposed / Shared : null;

    /// <summary>Of several tensors together.</summary>
    public static PairChange Sum(IReadOnlyList<PairChange> pairs) =>
        new(pairs.Sum(pair => pair.Product), pairs.Sum(pair => pair.Shared), pairs.Sum(pair => pair.Opposed));
}
