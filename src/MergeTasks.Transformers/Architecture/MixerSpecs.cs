namespace MergeTasks.Transformers.Architecture;

/// <summary>A convolution of each channel by itself over a position and those before it.</summary>
/// <param name="Weight">The weight's name, [channels, 1, length].</param>
/// <param name="Bias">The bias's name; null: there is none.</param>
/// <param name="Channels">Channels.</param>
/// <param name="Length">How many positions it sees, its own included.</param>
internal sealed record ConvolutionSpec(string Weight, string? Bias, int Channels, int Length);

/// <summary>LFM2's short convolution: out(c · convolution(b · x)), with b, c and x from one projection.</summary>
/// <param name="Input">To b, c and x, one after the other.</param>
/// <param name="Convolution">Of b · x.</param>
/// <param name="Output">Back to the residual stream.</param>
internal sealed record GatedConvolutionSpec(LinearSpec Input, ConvolutionSpec Convolution, LinearSpec Output) : MixerSpec;

/// <summary>
/// The gated delta rule (arXiv 2412.06464): each head has a matrix S of its keys' by its values' width. At each position S decays by e^g,
/// what it returns for the key k is corrected towards the value v by a share β, and the query q is answered: S ← e^g S, S ← S + k (β (v −
/// Sᵀk))ᵀ, o = Sᵀq. Queries and keys have length 1; g = −e^A softplus(a + d), β = σ(b). The result is normalised head by head and
/// multiplied by silu(z).
/// </summary>
internal sealed record DeltaSpec : MixerSpec
{
    /// <summary>
    /// The projections: queries with keys and values, z, b and a; or, where <see cref="IsByKeyHead"/>, queries with keys, values and z,
    /// then b with a.
    /// </summary>
    public required IReadOnlyList<LinearSpec> Projections { get; init; }

    /// <summary>Whether the projections are ordered by key head, with its value heads' share of each.</summary>
    public required bool IsByKeyHead { get; init; }

    /// <summary>Of queries, keys and values; silu follows.</summary>
    public required ConvolutionSpec Convolution { get; init; }

    /// <summary>Name of A, one number per value head.</summary>
    public required string Decay { get; init; }

    /// <summary>Name of d, one number per value head.</summary>
    public required string DecayBias { get; init; }

    /// <summary>Of each head's result.</summary>
    public required NormSpec Norm { get; init; }

    /// <summary>Back to the residual stream.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>Heads of queries and keys.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>Heads of values; a multiple of <see cref="KeyHeads"/>, those of one key head one after the other.</summary>
    public required int ValueHeads { get; init; }

    /// <summary>Channels of one head's query or key.</summary>
    public required int KeySize { get; init; }

    /// <summary>Channels of one head's value.</summary>
    public required int ValueSize { get; init; }

    /// <summary>Channels of all queries, or of all keys.</summary>
    public int KeyWidth => KeyHeads * KeySize;

    /// <summary>Channels of all values.</summary>
    public int ValueWidth => ValueHeads * ValueSize;

    /// <summary>
    /// Where the channels of queries, keys, values, z, b and a come from, in the order in which they are used: index into the first
    /// projection for the first four, and into the second one for the rest. Only where <see cref="IsByKeyHead"/>.
    /// </summary>
    public (int[] First, int[] Second) Order()
    {
        var group = ValueHeads / KeyHeads;
        var (values, stride) = (group * ValueSize, 2 * KeySize + 2 * group * ValueSize);
        int[] Take(int offset, int count) =>
            [.. Enumerable.Range(0, KeyHeads).SelectMany(head => Enumerable.Range(head * stride + offset, count))];
        int[] TakeNumbers(int offset) =>
            [.. Enumerable.Range(0, KeyHeads).SelectMany(head => Enumerable.Range(head * 2 * group + offset, group))];
        return (
            [.. Take(0, KeySize), .. Take(KeySize, KeySize), .. Take(2 * KeySize, values), .. Take(2 * KeySize + values, values)],
            [.. TakeNumbers(0), .. TakeNumbers(group)]);
    }
}

/// <summary>
/// Disentangled attention (DeBERTa, arXiv 2006.03654): to a query's score for a key come the query's for the projected row of their
/// distance, and the key's for another projection of it, from a table that all layers share.
/// </summary>
internal sealed record DisentangledSpec : MixerSpec
{
    /// <summary>To queries, keys and values.</summary>
    public required (LinearSpec Query, LinearSpec Key, LinearSpec Value) Projections { get; init; }

    /// <summary>Back to the residual stream.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>Heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Channels of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Name of the table of distances, two spans of rows.</summary>
    public required string Table { get; init; }

    /// <summary>Of the table's rows; null: none.</summary>
    public required NormSpec? TableNorm { get; init; }

    /// <summary>Farthest class of distances, in each direction.</summary>
    public required int Span { get; init; }

    /// <summary>Classes of distances, logarithmic from half of them on; 0: each distance is one.</summary>
    public required int Buckets { get; init; }

    /// <summary>The distance at which the last class begins.</summary>
    public required int Farthest { get; init; }

    /// <summary>Whether queries score distances.</summary>
    public required bool QueryScoresDistance { get; init; }

    /// <summary>Whether keys score distances.</summary>
    public required bool KeyScoresDistance { get; init; }

    /// <summary>The table's projections that queries and keys are held against; null: the layer's own for keys and for queries.</summary>
    public (LinearSpec Key, LinearSpec Query)? TableProjections { get; init; }

    /// <summary>Multiplies the sum of the scores: one over the root of a head's size times the number of its terms.</summary>
    public double Scale => 1 / Math.Sqrt(HeadSize * (1 + (QueryScoresDistance ? 1 : 0) + (KeyScoresDistance ? 1 : 0)));

    /// <summary>The table's row for the distance from a key to a query.</summary>
    public int RowOf(int distance)
    {
        var middle = Buckets / 2;
        var far = Math.Abs(distance);
        var bucket = distance;
        if (Buckets > 0 && far > middle)
        {
            var share = MathF.Log((float)far / middle) / MathF.Log((float)(Farthest - 1) / middle);
            bucket = Math.Sign(distance) * (int)(MathF.Ceiling(share * (middle - 1)) + middle);
        }

        return Math.Clamp(bucket + Span, 0, 2 * Span - 1);
    }
}

/// <summary>
/// Lightning attention (MiniMax-01, arXiv 2501.08313): linear attention in which what was seen fades, o at t = Σ over s ≤ t of e^(−slope (t
/// − s)) (q·k) v, normalised over all heads and multiplied by σ(gate).
/// </summary>
internal sealed record FadingSpec : MixerSpec
{
    /// <summary>To queries, keys and values, head by head.</summary>
    public required LinearSpec Projection { get; init; }

    /// <summary>Of the projection's results.</summary>
    public required ActivationKind Activation { get; init; }

    /// <summary>To the gates.</summary>
    public required LinearSpec Gate { get; init; }

    /// <summary>Of all heads' results.</summary>
    public required NormSpec Norm { get; init; }

    /// <summary>Back to the residual stream.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>Heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Channels of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>How fast each head forgets.</summary>
    public required IReadOnlyList<double> Slopes { get; init; }

    /// <summary>What is left after a number of positions.</summary>
    public float Left(int head, int distance) => distance < 0 ? 0 : (float)Math.Exp(-Slopes[head] * distance);
}

/// <summary>
/// Attention with a learned residual of low rank beside it (LAuReL, arXiv 2411.07501): norm(attention(x)) + x + norm(R L x).
/// </summary>
/// <param name="Attention">The attention.</param>
/// <param name="AttentionNorm">Of its result.</param>
/// <param name="Left">The matrix L, to a few channels.</param>
/// <param name="Right">The matrix R, back.</param>
/// <param name="Norm">Of the product.</param>
internal sealed record LaurelSpec(AttentionSpec Attention, NormSpec AttentionNorm, LinearSpec Left, LinearSpec Right, NormSpec Norm) : MixerSpec;
