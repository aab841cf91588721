using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Sparsifying;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// The methods on task vectors: a way of dropping elements of the models' deltas, with or without the election of signs, and defaults. All
/// are merged by <see cref="TaskVectorMerge"/>.
/// </summary>
/// <param name="name">The name in recipes and metadata.</param>
/// <param name="summary">One sentence for the reference and the model card.</param>
/// <param name="paper">arXiv number of the paper.</param>
/// <param name="sparsification">How elements are dropped.</param>
/// <param name="electsSigns">Whether signs are elected element by element, and only the deltas that agree are added.</param>
/// <param name="normalize">Whether it divides by the sum of weights by default.</param>
/// <param name="rescale">Whether it restores norms by default.</param>
internal sealed class TaskVectorMethod(
    string name, string summary, string paper, Sparsification sparsification, bool electsSigns, bool normalize, bool rescale) : MergeMethod
{
    /// <summary>Task arithmetic (Ilharco et al. 2023): out = base + λ·Σ wᵢ(xᵢ − base).</summary>
    public static TaskVectorMethod TaskArithmetic { get; } = new(
        "task_arithmetic",
        "Adds the models' weighted deltas to the base.",
        "2212.04089", Sparsification.None, electsSigns: false, normalize: false, rescale: false);

    /// <summary>
    /// TIES-Merging (Yadav et al. 2023): keep the density·n largest elements of each delta, elect a sign per element, average the weighted
    /// deltas that have it. As in mergekit the weights take part in the election, and a sum of zero elects the positive sign; with
    /// <c>paper_election</c> they do not, and a sum of zero elects the sign that more elements of the tensor have (positive if as many).
    /// Among equal magnitudes at the threshold the lowest flat index is kept.
    /// </summary>
    public static TaskVectorMethod Ties { get; } = new(
        "ties",
        "Trims small deltas, elects a sign per element, adds the deltas that agree.",
        "2306.01708", Sparsification.Magnitude, electsSigns: true, normalize: true, rescale: false);

    /// <summary>
    /// DARE (Yu et al. 2024) on task arithmetic: keep each element of a delta with probability density. As in mergekit, <c>rescale</c>
    /// restores the L1 norm of the delta; with <c>rescale_by_probability</c> it is the paper's factor 1/density.
    /// </summary>
    public static TaskVectorMethod DareLinear { get; } = new(
        "dare_linear",
        "Drops random elements of the deltas, restores their norm, adds them to the base.",
        "2311.03099", Sparsification.Random, electsSigns: false, normalize: false, rescale: true);

    /// <summary>DARE followed by the sign election of TIES.</summary>
    public static TaskVectorMethod DareTies { get; } = new(
        "dare_ties",
        "Drops random elements of the deltas, restores their norm, elects signs, adds the deltas that agree.",
        "2311.03099", Sparsification.Random, electsSigns: true, normalize: false, rescale: true);

    /// <summary>
    /// DELLA (Deep et al. 2024), with the sign election of TIES: elements of a delta are kept at random with probabilities that grow with
    /// the rank of their magnitude in their row; see <see cref="RankSparsifier"/>. As in mergekit, <c>rescale</c> restores the L1 norm of
    /// the delta, and with <c>rescale_by_probability</c> divides each element by its own probability, as the paper does.
    /// </summary>
    public static TaskVectorMethod Della { get; } = new(
        "della",
        "Drops elements of the deltas at random, small ones more often, restores their norm, elects signs, adds the deltas that agree.",
        "2406.11617", Sparsification.Rank, electsSigns: true, normalize: true, rescale: true);

    /// <summary>DELLA without the election.</summary>
    public static TaskVectorMethod DellaLinear { get; } = new(
        "della_linear",
        "Drops elements of the deltas at random, small ones more often, restores their norm, adds them to the base.",
        "2406.11617", Sparsification.Rank, electsSigns: false, normalize: false, rescale: true);

    /// <summary>
    /// Model Breadcrumbs (Davari and Belilovsky 2023): task arithmetic on deltas without their <c>gamma</c>·n largest elements and without
    /// the smallest ones, so that <c>density</c>·n remain; see <see cref="BreadcrumbsSparsifier"/>.
    /// </summary>
    public static TaskVectorMethod Breadcrumbs { get; } = new(
        "breadcrumbs",
        "Drops the largest and the smallest elements of the deltas and adds them to the base.",
        "2312.06795", Sparsification.Breadcrumbs, electsSigns: false, normalize: false, rescale: false);

    /// <summary>Model Breadcrumbs followed by the sign election of TIES.</summary>
    public static TaskVectorMethod BreadcrumbsTies { get; } = new(
        "breadcrumbs_ties",
        "Drops the largest and the smallest elements of the deltas, elects signs, adds the deltas that agree.",
        "2312.06795", Sparsification.Breadcrumbs, electsSigns: true, normalize: false, rescale: false);

    /// <inheritdoc/>
    public override string Name => name;

    /// <inheritdoc/>
    public override string Summary => summary;

    /// <inheritdoc/>
    public override string Source { get; } = $"https://arxiv.org/abs/{paper}";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        .. TaskVectorParameters.With(normalize, rescale, sparsification != Sparsification.None),
        .. sparsification.Parameters,
        .. electsSigns ? [TaskVectorParameters.PaperElection] : Array.Empty<ParameterDeclaration>(),
        .. sparsification.IsRandom ? [TaskVectorParameters.RescaleByProbability] : Array.Empty<ParameterDeclaration>(),
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override bool IsRandom => sparsification.IsRandom;

    /// <inheritdoc/>
    internal override long CompatibleDraws(TensorContext context) => sparsification.CompatibleDraws?.Invoke(context) ?? 0;

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) =>
        sparsification.Conflict?.Invoke(context) ?? TaskVectorParameters.Conflict(context);

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new TaskVectorMerge(context, sparsification.Begin(context), electsSigns);
}

/// <summary>A way of dropping elements of task vectors.</summary>
/// <param name="Begin">Prepares it for one tensor.</param>
internal sealed record Sparsification(Func<TensorContext, ISparsifier> Begin)
{
    /// <summary>Drops none.</summary>
    public static Sparsification None { get; } = new(_ => NoSparsifier.Instance);

    /// <summary>Drops the smallest.</summary>
    public static Sparsification Magnitude { get; } = new(context => new MagnitudeSparsifier(context));

    /// <summary>Drops the smallest and the largest.</summary>
    public static Sparsification Breadcrumbs { get; } =
        new(context => new BreadcrumbsSparsifier(context)) { Parameters = [TaskVectorParameters.Gamma] };

    /// <summary>Drops any with the same probability.</summary>
    public static Sparsification Random { get; } =
        new(context => new RandomSparsifier(context)) { CompatibleDraws = RandomSparsifier.CompatibleDraws };

    /// <summary>Drops small ones with higher probability.</summary>
    public static Sparsification Rank { get; } = new(context => new RankSparsifier(context))
    {
        CompatibleDraws = RankSparsifier.CompatibleDraws,
        Conflict = RankSparsifier.Conflict,
        Parameters = [TaskVectorParameters.Epsilon],
    };

    /// <summary>What it reads besides the density.</summary>
    public IReadOnlyList<ParameterDeclaration> Parameters { get; init; } = [];

    /// <summary>How many random numbers it takes in compatibility mode; <see langword="null"/>: nothing is random.</summary>
    public Func<TensorContext, long>? CompatibleDraws { get; init; }

    /// <summary>What is wrong with parameters that are valid one by one; <see langword="null"/>: they always go together.</summary>
    public Func<TensorContext, string?>? Conflict { get; init; }

    /// <summary>Whether chance decides what is dropped.</summary>
    public bool IsRandom => CompatibleDraws is not null;
}
