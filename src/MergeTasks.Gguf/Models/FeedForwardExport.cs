using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Gguf.Models;

/// <summary>
/// Writes the feed-forward parts of a decoder: gated matrices, or a mixture whose experts become one stack for each matrix.
/// </summary>
/// <param name="architecture">What readers compute.</param>
/// <param name="names">Says whether the checkpoint has experts one by one.</param>
/// <param name="list">Gets the tensors.</param>
/// <param name="metadata">Gets the keys.</param>
internal sealed class FeedForwardExport(
    GgufArchitecture architecture, ITensorNames names, TensorList list, GgufMetadata metadata)
{
    // What the graph of GPT-OSS computes.
    private static readonly ClampedGateSpec Clamped = new(1.702, 7);

    /// <summary>Writes the keys of all layers.</summary>
    public void WriteKeys(IReadOnlyList<LayerSpec> layers)
    {
        var mixtures = layers.Select(layer => layer.FeedForward).OfType<MixtureSpec>().ToList();
        if (mixtures.Count == 0)
        {
            Require(!architecture.IsAlwaysMixture, "layers without a mixture");
            var dense = layers.Select(layer => layer.FeedForward).OfType<MlpSpec>().ToList();
            Require(dense.Count == layers.Count && dense.All(part => part.Down.Inputs == dense[0].Down.Inputs), "such feed-forward parts");
            Key("feed_forward_length", dense[0].Down.Inputs);
            return;
        }

        var first = mixtures[0];
        Require(architecture.Renormalises is not null, "mixtures");
        var leading = layers.TakeWhile(layer => layer.FeedForward is MlpSpec)
            .Select(layer => ((MlpSpec)layer.FeedForward).Down.Inputs).ToList();
        Require(
            mixtures.Count + leading.Count == layers.Count && (leading.Count == 0 || architecture.HasLeadingDense)
                && leading.TrueForAll(width => width == leading[0])
                && mixtures.All(mixture => mixture.Experts.Count == first.Experts.Count
                    && mixture.Shared?.Down.Inputs == first.Shared?.Down.Inputs
                    && mixture.Routing with { Correction = null } == first.Routing with { Correction = null }),
            "layers of which some are mixtures, or others");
        var inner = first.Experts[0].Down.Inputs;
        Key("feed_forward_length", leading.Count > 0 ? leading[0] : inner);
        Key("expert_count", first.Experts.Count);
        Key("expert_used_count", first.Routing.PerToken);
        if (architecture.IsAlwaysMixture || architecture.HasLeadingDense)
            Key("expert_feed_forward_length", inner);
        if (architecture.HasLeadingDense)
            WriteRoutingKeys(first, leading.Count, inner);
        else if (first.Shared is { } shared)
            Key("expert_shared_feed_forward_length", shared.Down.Inputs);
    }

    private void WriteRoutingKeys(MixtureSpec mixture, int leading, int inner)
    {
        var (routing, shared) = (mixture.Routing, mixture.Shared?.Down.Inputs ?? 0);
        Key("leading_dense_block_count", leading);
        Require(shared > 0 && shared % inner == 0, "mixture without shared experts of the others' size");
        Key("expert_shared_count", shared / inner);
        metadata.Add($"{architecture.Name}.expert_weights_scale", routing.Factor);
        if (architecture.HasNormKey || architecture.HasRoutingKeys)
            metadata.Add($"{architecture.Name}.expert_weights_norm", routing.Renormalised is not null);
        if (!architecture.HasRoutingKeys)
            return;
        Key("expert_gating_func", routing.Function == RouterFunction.Sigmoid ? 2 : 1);
        if (routing.Groups > 1)
        {
            Key("expert_group_count", routing.Groups);
            Key("expert_group_used_count", routing.ChosenGroups);
        }
    }

    /// <summary>Writes one layer's tensors.</summary>
    public void Write(string at, int layer, FeedForwardSpec part)
    {
        if (part is MlpSpec dense)
            WriteDense(at, layer, "", dense, null);
        else if (part is MixtureSpec mixture)
            WriteMixture(at, layer, mixture);
    }

    private void WriteDense(string at, int layer, string suffix, MlpSpec part, ClampedGateSpec? clamped)
    {
        RequireKnown(part, clamped);
        if (architecture.IsFused)
        {
            list.Matrix($"{at}.ffn_up.weight", MatrixRole.Plain, layer, false, Gate(part).Rows, Up(part).Rows);
        }
        else
        {
            Write($"{at}.ffn_gate{suffix}", Gate(part));
            Write($"{at}.ffn_up{suffix}", Up(part));
        }

        list.Linear($"{at}.ffn_down{suffix}", MatrixRole.Down, layer, part.Down);

        void Write(string name, (MatrixPart Rows, MatrixPart? Bias) half)
        {
            list.Matrix($"{name}.weight", MatrixRole.Plain, layer, false, half.Rows);
            if (half.Bias is { } bias)
                list.Vector($"{name}.bias", bias);
        }
    }

    private void WriteMixture(string at, int layer, MixtureSpec mixture)
    {
        var routing = mixture.Routing;
        Require(routing is { WeighsInput: false, Scales: null } && mixture is { RouterNorm: null, ExpertNorm: null }, "such routing");
        if (architecture.HasRoutingKeys)
        {
            // Readers rank a group by its two best experts.
            Require(routing.Function is RouterFunction.Softmax or RouterFunction.Sigmoid, "such routing");
            Require(routing is { Groups: 1 } or { RankingWeights: 2 }, "groups of experts that are ranked by their best one (n_group)");
        }
        else
        {
            // The weights of all experts have the sum 1 anyway.
            Require(
                routing is { Function: RouterFunction.Softmax, Correction: null, Groups: 1 }
                    && (routing.Factor == 1 || architecture.HasLeadingDense)
                    && (routing.Renormalised.HasValue == architecture.Renormalises || routing.PerToken == mixture.Experts.Count),
                routing.Renormalised.HasValue ? "mixture that divides experts' weights by their sum" : "such routing (norm_topk_prob)");
        }

        list.Linear($"{at}.ffn_gate_inp", MatrixRole.Exact, layer, mixture.Router);
        if (routing.Correction is { } correction)
            list.Vector($"{at}.exp_probs_b.bias", list.VectorPart([correction], mixture.Experts.Count));
        var experts = names.ExpertsOf(mixture);
        foreach (var expert in experts)
            RequireKnown(expert, architecture.HasSinks ? Clamped : null);
        Stack("ffn_gate_exps", MatrixRole.Plain, [.. experts.Select(Gate)]);
        Stack("ffn_up_exps", MatrixRole.Plain, [.. experts.Select(Up)]);
        Stack("ffn_down_exps", MatrixRole.Down, [.. experts.Select(expert => Whole(expert.Down))]);
        if (mixture.Shared is not { } shared)
            return;
        Require(architecture.HasLeadingDense || architecture.Name == "qwen2moe", "expert that all tokens share");
        Require(mixture.SharedGate is null == architecture.HasLeadingDense, "such gate of an expert that all tokens share");
        WriteDense(at, layer, "_shexp", shared, null);
        if (mixture.SharedGate is { } gate)
            list.Vector($"{at}.ffn_gate_inp_shexp.weight", list.Rows(gate, 0, 1));

        void Stack(string name, MatrixRole role, IReadOnlyList<(MatrixPart Rows, MatrixPart? Bias)> parts)
        {
            list.Matrix($"{at}.{name}.weight", role, layer, true, [.. parts.Select(part => part.Rows)]);
            if (parts[0].Bias is not null)
                list.Vector($"{at}.{name}.bias", [.. parts.Select(part => part.Bias!)]);
        }
    }

    private void RequireKnown(MlpSpec part, ClampedGateSpec? clamped)
    {
        Require(
            part is { Learned: null, GateSparsity: 0 } && part.Clamped == clamped && part.Activation == architecture.Activation,
            "such activation");
        Require(part.Gate is not null || part.GateInUp != GatePlace.None, "feed-forward part without a gate");
        Require(!part.Up.Bias || architecture.Biases.HasFlag(GgufBiases.FeedForward), "biases in the feed-forward part");
    }

    private (MatrixPart Rows, MatrixPart? Bias) Gate(MlpSpec part) => part.GateInUp switch
    {
        GatePlace.FirstHalf => Half(part, row => row),
        GatePlace.EvenOutputs => Half(part, row => 2 * row),
        _ => Whole(part.Gate!),
    };

    private (MatrixPart Rows, MatrixPart? Bias) Up(MlpSpec part) => part.GateInUp switch
    {
        GatePlace.FirstHalf => Half(part, row => row + part.Up.Outputs / 2),
        GatePlace.EvenOutputs => Half(part, row => 2 * row + 1),
        _ => Whole(part.Up),
    };

    private (MatrixPart Rows, MatrixPart? Bias) Half(MlpSpec part, Func<int, int> rowOf) => (
        list.Rows(part.Up, 0, part.Up.Outputs / 2, rowOf), part.Up.Bias ? list.BiasPart(part.Up, part.Up.Outputs / 2, rowOf) : null);

    private (MatrixPart Rows, MatrixPart? Bias) Whole(LinearSpec linear) =>
        (list.Rows(linear, 0, linear.Outputs), linear.Bias ? list.BiasPart(linear, linear.Outputs, null) : null);

    private void Key(string name, int value) => metadata.Add($"{architecture.Name}.{name}", value);

    private void Require(bool condition, string what)
    {
        if (!condition)
            throw GgufModel.Refusal(architecture, what);
    }
}
