using System.Numerics.Tensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Experts;
using MergeTasks.Merging.Inputs;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// The direction of an expert's prompts in every layer of the base, a vector of length 1 each (mergekit's documented gate modes). Of hidden
/// states: the mean over the positive prompts of what goes into the layer at their last token, or the mean over all their tokens, minus
/// that of the negative ones. Of
/// embeddings: the sum of the positive prompts' token rows, scaled to length 1, minus that of the negative ones.
/// </summary>
internal sealed record PromptRequest : ScoreRequest
{
    private readonly RunnableModel _model;
    private readonly PromptTokens _tokens;
    private readonly ExpertDeclaration _expert;
    private readonly string? _table;
    private readonly Func<int, string> _norm;
    private readonly int _layers;
    private readonly bool _isAverage;

    /// <summary>The direction of one expert's prompts.</summary>
    /// <param name="key">What it depends on.</param>
    /// <param name="declaration">The base.</param>
    /// <param name="model">The base as it is run.</param>
    /// <param name="tokens">How prompts become tokens.</param>
    /// <param name="expert">The expert.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="norm">Name of the module that gets a layer's hidden state.</param>
    /// <param name="table">Name of the embeddings, where these are asked for; <see langword="null"/>: hidden states.</param>
    /// <param name="isAverage">Whether hidden states of all tokens of a prompt count, and not those of its last one.</param>
    internal PromptRequest(
        ScoreKey key,
        ModelDeclaration declaration,
        RunnableModel model,
        PromptTokens tokens,
        ExpertDeclaration expert,
        int layers,
        Func<int, string> norm,
        string? table,
        bool isAverage)
        : base(key, declaration, null) => (_model, _tokens, _expert, _layers, _norm, _table, _isAverage) =
            (model, tokens, expert, layers, norm, table, isAverage);

    /// <inheritdoc/>
    public override string Phase => _table is null ? "hidden states of prompts" : "embeddings of prompts";

    /// <summary>Name of a layer's vector in the file.</summary>
    public static string NameOf(int layer) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"layer.{layer}");

    internal override ScoreWork Work() => _table is null
        ? ScoreWork.Forward(1, _expert.PositivePrompts.Concat(_expert.NegativePrompts).Sum(prompt => (long)_tokens.Of(prompt).Length))
        : ScoreWork.None;

    internal override void Compute(ScoringContext context, string path)
    {
        var directions = _table is null ? OfHiddenStates(context) : Enumerable.Repeat(OfEmbeddings(), _layers);
        ScoreFile.Write(path, Key, directions.Select((direction, layer) => (NameOf(layer), Scaled(direction))));
    }

    private IEnumerable<double[]> OfHiddenStates(ScoringContext context)
    {
        using var loaded = _model.Load(context.Engine);
        context.Progress.Scoring(
            Model.Label, Phase, Work().Tokens, $"{_expert.PositivePrompts.Count + _expert.NegativePrompts.Count} prompts");
        var positive = Mean(_expert.PositivePrompts);
        if (_expert.NegativePrompts.Count == 0)
            return positive;
        var negative = Mean(_expert.NegativePrompts);
        return positive.Zip(negative, Difference);

        double[][] Mean(IReadOnlyList<string> prompts)
        {
            var states = new PromptStates(_layers, _norm);
            foreach (var prompt in prompts)
            {
                var tokens = _tokens.Of(prompt);
                states.Rows = _isAverage ? 0..tokens.Length : (tokens.Length - 1)..tokens.Length;
                loaded.Model.Observe(TokenBatch.Of(tokens), states, context.Cancellation);
                context.Progress.Scored(tokens.Length);
            }

            return Array.ConvertAll(states.Sums, sum => sum is null
                ? throw new ModelException(ModelError.UnsupportedValue, "a layer shows no hidden state")
                : Array.ConvertAll(sum, value => value / prompts.Count));
        }
    }

    private double[] OfEmbeddings()
    {
        var positive = Sum(_expert.PositivePrompts);
        return _expert.NegativePrompts.Count == 0 ? positive : Difference(Scaled(positive), Scaled(Sum(_expert.NegativePrompts)));

        double[] Sum(IReadOnlyList<string> prompts)
        {
            var shape = _model.Model.Find(_table!)!.Shape;
            var reader = _model.Model.Open(_table!).NewReader(new WindowMemory());
            var (sum, row) = (new double[shape[1]], new float[shape[1]]);
            foreach (var token in prompts.SelectMany(_tokens.Of))
            {
                if (token >= shape[0])
                    throw new ModelException(
                        ModelError.BadInput, $"the tokenizer gives the id {token}, and there are {shape[0]} embeddings");
                reader.Read(token * shape[1], row, (token + 1) * shape[1]);
                for (var i = 0; i < sum.Length; i++)
                    sum[i] += row[i];
            }

            return sum;
        }
    }

    private static double[] Difference(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x - y)];

    private static double[] Scaled(double[] vector)
    {
        var length = Math.Max(Math.Sqrt(TensorPrimitives.SumOfSquares<double>(vector)), 1e-8);
        return Array.ConvertAll(vector, value => value / length);
    }

    // Adds up the mean of what goes into each layer at some tokens. A norm is a module, so its input is seen.
    private sealed class PromptStates(int layers, Func<int, string> norm) : IActivationObserver
    {
        private readonly Dictionary<string, int> _layers = Enumerable.Range(0, layers).ToDictionary(norm, StringComparer.Ordinal);

        public double[]?[] Sums { get; } = new double[layers][];

        public Range Rows { get; set; }

        public void Observe(in ModuleInput input)
        {
            foreach (var module in input.Modules)
            {
                if (!_layers.TryGetValue(module, out var layer))
                    continue;
                for (var token = Rows.Start.Value; token < Rows.End.Value; token++)
                {
                    var row = input.Row(token);
                    var sum = Sums[layer] ??= new double[row.Length];
                    for (var i = 0; i < row.Length; i++)
                        sum[i] += (double)row[i] / (Rows.End.Value - Rows.Start.Value);
                }
            }
        }
    }
}

/// <summary>How prompts become tokens: after the token with which texts begin, if the tokenizer names one, and without other special
/// ones.</summary>
/// <param name="tokenizer">The base's tokenizer.</param>
/// <param name="begin">The text of that token; empty where there is none.</param>
internal sealed class PromptTokens(TokenizerFile tokenizer, string begin)
{
    /// <summary>The tokens of a prompt; at least one.</summary>
    /// <exception cref="ModelException">It has none.</exception>
    public int[] Of(string prompt) => tokenizer.Load().Encode(begin + prompt, addSpecialTokens: false, applyLengthRules: false) switch
    {
        [] => throw new ModelException(ModelError.BadInput, $"the prompt '{prompt}' has no token"),
        var tokens => tokens,
    };
}
