using System.Text.Json.Nodes;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Gguf.Reading;

/// <summary>
/// What a GGUF file says of rotary positions, as configurations have it. Divisors of frequencies in a tensor are those of Llama 3's rule,
/// whose numbers are recovered from them, or LongRoPE's.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="architecture">The value of <c>general.architecture</c>.</param>
/// <param name="head">Channels of one head.</param>
/// <param name="positions">The longest text.</param>
internal sealed class GgufRope(GgufFile file, string architecture, int head, int positions)
{
    /// <summary>Divisors that are the same for all texts.</summary>
    public const string Divisors = "rope_freqs.weight";

    private const double Tolerance = 1e-4;

    /// <summary>Adds the settings.</summary>
    /// <exception cref="GgufException">They are none that configurations have.</exception>
    public void AddTo(JsonObject config)
    {
        var theta = Number("freq_base") ?? 10000;
        var rotated = (int)(Number("dimension_count") ?? head);
        if (rotated < 2 || rotated > head || rotated % 2 != 0 || (rotated != head && architecture != "phi3"))
            throw Refused($"rotates {rotated} of {head} channels per head");
        config["rope_theta"] = theta;
        if (rotated != head)
            config["partial_rotary_factor"] = (double)rotated / head;
        if (architecture == "gemma3")
            config["rope_local_base_freq"] = Number("freq_base_swa") ?? 10000;
        if (Scaling(config, rotated, theta) is { } scaling)
            config["rope_scaling"] = scaling;
    }

    private JsonObject? Scaling(JsonObject config, int rotated, double theta)
    {
        if (file.Tensors.ContainsKey("rope_factors_long.weight"))
            return Long(config);
        if (file.Tensors.ContainsKey(Divisors) && Elements(Divisors) is var divisors && Array.Exists(divisors, one => one != 1))
            return Llama3(divisors, rotated, theta);
        var factor = Number("scaling.factor") is not (null or 0) and var given ? given.Value
            : Number("scale_linear") is not (null or 0) and var older ? older.Value : 1;
        switch (file.Text($"{architecture}.rope.scaling.type") ?? "linear")
        {
            case "none":
                return null;
            case "linear":
                return factor == 1 ? null : new JsonObject { ["rope_type"] = "linear", ["factor"] = factor };
            case "yarn":
                if (Number("scaling.yarn_ext_factor") is not (null or 1 or < 0))
                    throw Refused("has a 'rope.scaling.yarn_ext_factor' other than 1");
                var yarn = new JsonObject
                {
                    ["rope_type"] = "yarn",
                    ["factor"] = factor,
                    ["original_max_position_embeddings"] = (int)(Number("scaling.original_context_length") ?? positions),
                    ["beta_fast"] = Number("scaling.yarn_beta_fast") ?? 32,
                    ["beta_slow"] = Number("scaling.yarn_beta_slow") ?? 1,
                };
                if (AttentionFactor() is not 1 and var attention)
                    yarn["attention_factor"] = attention * RopeScaling.YarnAttention(factor, 1);

                // The one family that does not round the ramp's ends.
                if (architecture == "gpt-oss")
                    yarn["truncate"] = false;
                return yarn;
            case var other:
                throw Refused($"has the rotary scaling '{other}'");
        }
    }

    private JsonObject Long(JsonObject config)
    {
        var original = (int)(Number("scaling.original_context_length") ?? positions);
        var scaling = new JsonObject
        {
            [architecture == "phi3" ? "type" : "rope_type"] = "longrope",
            ["long_factor"] = List(Elements("rope_factors_long.weight")),
            ["short_factor"] = List(Elements("rope_factors_short.weight")),
        };
        config["original_max_position_embeddings"] = original;

        // What a configuration without the factor means, which older libraries do not take in these settings.
        var usual = positions <= original ? 1 : Math.Sqrt(1 + Math.Log((double)positions / original) / Math.Log(original));
        if (Math.Abs(AttentionFactor() - usual) > Tolerance)
            scaling["attention_factor"] = AttentionFactor();
        return scaling;

        static JsonArray List(float[] numbers) => [.. numbers.Select(number => (JsonNode)GgufFile.Shortest(number))];
    }

    // 1/divisor = share + (1 − share)/factor, where share = (original · frequency / 2π − low) / (high − low): a line over the frequencies
    // between the two ends, whose slope and offset give the numbers up to one, which the published models have in common (high − low = 3).
    private static JsonObject Llama3(float[] divisors, int rotated, double theta)
    {
        var plain = RopeSpec.Plain(rotated, theta).Frequencies;
        var turns = plain.Select(frequency => frequency / (2 * Math.PI)).ToArray();
        var factor = Math.Round((double)divisors.Max(), 4);
        var between = divisors.Index().Where(one => one.Item > 1 + 1e-5 && one.Item < factor * (1 - 1e-5))
            .Select(one => (X: turns[one.Index], Y: (1 / one.Item - 1 / factor) / (1 - 1 / factor))).ToList();
        foreach (var (low, high, original) in Candidates(between))
        {
            var frequencies = RopeScaling.Llama3(rotated, theta, factor, low, high, original).Frequencies;
            if (divisors.Length == plain.Length
                && divisors.Index().All(one => Math.Abs(plain[one.Index] / frequencies[one.Index] / one.Item - 1) < Tolerance))
            {
                return new JsonObject
                {
                    ["rope_type"] = "llama3",
                    ["factor"] = factor,
                    ["low_freq_factor"] = low,
                    ["high_freq_factor"] = high,
                    ["original_max_position_embeddings"] = original,
                };
            }
        }

        throw Refused($"divides rotary frequencies ('{Divisors}') by numbers that are not of Llama 3's rule");
    }

    private static IEnumerable<(double Low, double High, int Original)> Candidates(List<(double X, double Y)> between)
    {
        yield return (1, 4, 8192);
        if (between.Count < 2)
            yield break;
        var (x, y) = (between.Average(one => one.X), between.Average(one => one.Y));
        var slope = between.Sum(one => (one.X - x) * (one.Y - y)) / between.Sum(one => (one.X - x) * (one.X - x));
        var low = Math.Round(3 * (slope * x - y), 4);
        if (slope > 0 && 3 * slope < int.MaxValue && low > 0)
            yield return (low, low + 3, (int)Math.Round(3 * slope));
    }

    private float[] Elements(string name)
    {
        if (!file.Tensors.TryGetValue(name, out var stored) || stored.Tensor.Shape.Count != 1 || stored.Tensor.Shape[0] > head)
            throw new GgufException(GgufError.WrongTensor, $"has no tensor '{name}' of one number for each pair of channels");
        var bytes = new byte[stored.Tensor.ByteLength];
        file.Read(name, 0, bytes);
        var numbers = new float[stored.Tensor.Shape[0]];
        BlockEncoding.Decode(stored.Tensor.Type, bytes, numbers);
        return Array.TrueForAll(numbers, number => float.IsFinite(number) && number > 0)
            ? numbers : throw new GgufException(GgufError.Malformed, $"has numbers in '{name}' that are not above 0");
    }

    private double AttentionFactor() =>
        Number("scaling.attn_factor") is not (null or 0) and var factor ? factor.Value
        : Number("scaling.yarn_attn_factor") is not (null or 0) and var newer ? newer.Value : 1;

    private double? Number(string key) => file.Number($"{architecture}.rope.{key}");

    private static GgufException Refused(string what) => new(GgufError.UnknownArchitecture, $"{what}, which is not read");
}
