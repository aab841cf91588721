namespace MergeTasks.Transformers.Architecture;

/// <summary>The part of a layer that treats every token by itself.</summary>
internal abstract record FeedForwardSpec;

/// <summary>Where the gate's values lie among the outputs of <see cref="MlpSpec.Up"/>.</summary>
internal enum GatePlace
{
    /// <summary>Nowhere: there is none, or it has a matrix of its own.</summary>
    None,

    /// <summary>They are the first half.</summary>
    FirstHalf,

    /// <summary>They are every other one, from the first on.</summary>
    EvenOutputs,
}

/// <summary>
/// What GPT-OSS does in place of f(gate) · up: (clamp(up, ±limit) + 1) · g · σ(alpha · g) with g = min(gate, limit).
/// </summary>
internal sealed record ClampedGateSpec(double Alpha, double Limit);

/// <summary>
/// The function xIELU (arXiv 2411.13010), whose two slopes are parameters: αₚ x² + β x above 0, and αₙ (expm1(min(x, ε)) − x) + β x below,
/// with αₚ = softplus(<paramref name="Positive"/>), αₙ = β + softplus(<paramref name="Negative"/>).
/// </summary>
/// <param name="Positive">Name of the parameter behind αₚ.</param>
/// <param name="Negative">Name of the parameter behind αₙ.</param>
/// <param name="Beta">Name of the constant β.</param>
/// <param name="Epsilon">Name of the constant ε.</param>
internal sealed record LearnedActivationSpec(string Positive, string Negative, string Beta, string Epsilon);

/// <summary>Two matrices with an activation between them: down(f(up(x))), or gated (arXiv 2002.05202): down(f(gate(x)) · up(x)).</summary>
/// <param name="Up">From the model's width to the inner width.</param>
/// <param name="Down">Back.</param>
/// <param name="Activation">The function f.</param>
internal sealed record MlpSpec(LinearSpec Up, LinearSpec Down, ActivationKind Activation) : FeedForwardSpec
{
    /// <summary>The gate's matrix; null where there is no gate or it lies in <see cref="Up"/>.</summary>
    public LinearSpec? Gate { get; init; }

    /// <summary>Whether and where <see cref="Up"/> holds the gate.</summary>
    public GatePlace GateInUp { get; init; }

    /// <summary>Replaces the gated function; null: f(gate) · up.</summary>
    public ClampedGateSpec? Clamped { get; init; }

    /// <summary>Replaces <see cref="Activation"/>; null: it stands.</summary>
    public LearnedActivationSpec? Learned { get; init; }

    /// <summary>
    /// The share of the gate's values that becomes zero before the activation, were they normally distributed: each row's gate is
    /// max(gate − mean − deviation · Φ⁻¹(share), 0); 0: they stay (Gemma 3n).
    /// </summary>
    public double GateSparsity { get; init; }
}

/// <summary>Parts that see the same rows, each perhaps between norms, whose results are added up.</summary>
internal sealed record SumSpec(IReadOnlyList<BranchSpec> Branches) : FeedForwardSpec;

/// <summary>One part of a sum.</summary>
/// <param name="Before">Norm of its input.</param>
/// <param name="Part">The part.</param>
/// <param name="After">Norm of its result.</param>
internal sealed record BranchSpec(NormSpec? Before, FeedForwardSpec Part, NormSpec? After);

/// <summary>How scores of experts become weights.</summary>
internal enum RouterFunction
{
    /// <summary>The softmax over all experts.</summary>
    Softmax,

    /// <summary>Each score's sigmoid.</summary>
    Sigmoid,

    /// <summary>
    /// Phi-3.5 MoE's sparse mixer: the best expert, then the best of the others, each with the softmax over the scores near its own.
    /// </summary>
    SparseMixer,
}

/// <summary>Which experts see a token, and with what weight.</summary>
/// <param name="PerToken">How many see it.</param>
/// <param name="Function">How scores become weights.</param>
internal sealed record RoutingSpec(int PerToken, RouterFunction Function)
{
    /// <summary>Whether the chosen weights are divided by their sum, and what is added to that; null: they are not.</summary>
    public double? Renormalised { get; init; }

    /// <summary>The smallest divisor, where <see cref="Renormalised"/>.</summary>
    public double SmallestSum { get; init; }

    /// <summary>Multiplies the weights.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Name of numbers that are added to the weights for the choice only; null: none.</summary>
    public string? Correction { get; init; }

    /// <summary>Whether <see cref="Correction"/> is stored as one row of a matrix.</summary>
    public bool CorrectionIsRow { get; init; }

    /// <summary>Experts lie in so many groups, of which only the best ones' experts are chosen from.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>How many groups are chosen from.</summary>
    public int ChosenGroups { get; init; } = 1;

    /// <summary>How many of its best weights, added up, rank a group.</summary>
    public int RankingWeights { get; init; } = 1;

    /// <summary>
    /// How far, relative to its own, scores may lie below that of an expert to be seen by <see cref="RouterFunction.SparseMixer"/>.
    /// </summary>
    public double Tolerance { get; init; }

    /// <summary>Name of one factor for each expert, which multiplies its weight at the end; null: none.</summary>
    public string? Scales { get; init; }

    /// <summary>Whether the weight multiplies an expert's input and not its result (Llama 4).</summary>
    public bool WeighsInput { get; init; }
}

/// <summary>A sparse mixture (arXiv 2401.04088): each token goes to some experts, whose weighted results are added up.</summary>
/// <param name="Router">From the model's width to one score per expert.</param>
/// <param name="Experts">The experts.</param>
/// <param name="Routing">Which see a token.</param>
internal sealed record MixtureSpec(LinearSpec Router, IReadOnlyList<MlpSpec> Experts, RoutingSpec Routing) : FeedForwardSpec
{
    /// <summary>The same experts as stacks, for checkpoints that hold them so; null: there are none.</summary>
    public IReadOnlyList<MlpSpec>? Stacked { get; init; }

    /// <summary>Norm of what the router sees; null: it sees the rows as they are.</summary>
    public NormSpec? RouterNorm { get; init; }

    /// <summary>Norm of what the experts see; null: they see the rows as they are.</summary>
    public NormSpec? ExpertNorm { get; init; }

    /// <summary>An expert that sees every token; null: none.</summary>
    public MlpSpec? Shared { get; init; }

    /// <summary>To one number whose sigmoid multiplies the shared expert's result; null: it counts fully.</summary>
    public LinearSpec? SharedGate { get; init; }
}
