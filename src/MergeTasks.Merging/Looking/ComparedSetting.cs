using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Merging.Looking;

/// <summary>A key of <c>config.json</c> that two models differ in.</summary>
/// <param name="Key">The key, with those above it and dots.</param>
/// <param name="First">Its value in the first as JSON; <see langword="null"/> where it has none.</param>
/// <param name="Second">In the second.</param>
/// <param name="Matters">Whether it decides what equal weights compute, or what equal shapes mean.</param>
internal sealed record ComparedSetting(string Key, string? First, string? Second, bool Matters)
{
    private const int Longest = 120;

    /// <summary>The keys that differ, in ordinal order.</summary>
    public static IReadOnlyList<ComparedSetting> Of(ModelConfig first, ModelConfig second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var (one, other) = (Flat(first), Flat(second));
        var meant = ConfigComparison.Compare(first, second)
            .Where(difference => difference.Effect != ConfigEffect.None)
            .Select(difference => difference.Key)
            .ToHashSet(StringComparer.Ordinal);
        return
        [
            .. one.Keys.Union(other.Keys)
                .Where(key => one.GetValueOrDefault(key) != other.GetValueOrDefault(key))
                .Order(StringComparer.Ordinal)
                .Select(key => new ComparedSetting(
                    key, Shown(one.GetValueOrDefault(key)), Shown(other.GetValueOrDefault(key)), meant.Contains(key))),
        ];
    }

    private static string? Shown(string? value) => value is null ? null : MessageText.Shown(value, Longest);

    private static Dictionary<string, string> Flat(ModelConfig config)
    {
        using var json = StrictJson.Parse(config.Text, ModelConfig.FileName);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        Add("", json.RootElement);
        return values;

        void Add(string key, JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.Object && (key.Length == 0 || value.EnumerateObject().Any()))
            {
                foreach (var member in value.EnumerateObject())
                    Add(key.Length == 0 ? member.Name : $"{key}.{member.Name}", member.Value);
            }
            else
            {
                // Whitespace is no difference.
                values[key] = JsonSerializer.Serialize(value);
            }
        }
    }
}
