namespace MergeTasks.Transformers.Architecture;

/// <summary>The part of a layer that treats every token by itself.</summary>
internal abstract record FeedForwardSpec;

/// <summary>Two matrices with an activation between them: down(f(up(x))), or gated (arXiv 2002.05202): down(f(gate(x)) · up(x)).</summary>
/// <param name="Up">From the model's width to the inner width.</param>
/// <param name="Down">Back.</param>
/// <param name="Activation">The function f.</param>
internal sealed record MlpSpec(LinearSpec Up, LinearSpec Down, ActivationKind Activation) : FeedForwardSpec
{
    /// <summary>The gate's matrix; null where there is no gate or <see cref="GateInUp"/>.</summary>
    public LinearSpec? Gate { get; init; }

    /// <summary>Whether the first half of <see cref="Up"/>'s outputs is the gate.</summary>
    public bool GateInUp { get; init; }
}

/// <summary>
/// A sparse mixture (arXiv 2401.04088): each token goes to the experts with the highest router scores, whose results are weighted by the
/// softmax over those scores.
/// </summary>
/// <param name="Router">From the model's width to one score per expert.</param>
/// <param name="Experts">The experts.</param>
/// <param name="PerToken">How many experts see a token.</param>
internal sealed record MixtureSpec(LinearSpec Router, IReadOnlyList<MlpSpec> Experts, int PerToken) : FeedForwardSpec;
