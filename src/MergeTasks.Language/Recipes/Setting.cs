using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using MergeTasks.Files.Json;

namespace MergeTasks.Language.Recipes;

/// <summary>
/// The value of a parameter as mergekit's recipe language has it: a number; a list of numbers (a gradient over the layers);
/// or a list of conditions, each a value for the tensors whose name contains a text.
/// </summary>
[JsonConverter(typeof(SettingJson))]
internal abstract record Setting
{
    /// <summary>The value for one tensor.</summary>
    /// <param name="tensor">The tensor's name.</param>
    /// <param name="position">Where the tensor's layer lies between the first (0) and the last (1).</param>
    /// <returns><see langword="null"/> where no condition matches.</returns>
    public abstract double? Evaluate(string tensor, double position);

    /// <summary>Stands where a text could not be read, which has been reported: so that it does not count as missing as well.</summary>
    public sealed record Unreadable : Setting
    {
        /// <inheritdoc/>
        public override double? Evaluate(string tensor, double position) => null;
    }

    /// <summary>One number for all tensors.</summary>
    /// <param name="Value">The number; flags are 0 or 1.</param>
    public sealed record Number(double Value) : Setting
    {
        /// <inheritdoc/>
        public override double? Evaluate(string tensor, double position) => Value;

        /// <inheritdoc/>
        public override string ToString() => Value.ToString("R", CultureInfo.InvariantCulture);
    }

    /// <summary>Numbers spread evenly over the layers, linear in between.</summary>
    /// <param name="Values">At least one number.</param>
    public sealed record Gradient(IReadOnlyList<double> Values) : Setting
    {
        /// <inheritdoc/>
        public override double? Evaluate(string tensor, double position)
        {
            var scaled = position * (Values.Count - 1);
            var lower = (int)scaled;
            var upper = Math.Min(Values.Count - 1, lower + 1);
            var fraction = scaled - lower;
            return ((1 - fraction) * Values[lower]) + (fraction * Values[upper]);
        }

        /// <inheritdoc/>
        public override string ToString() =>
            $"[{string.Join(", ", Values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)))}]";
    }

    /// <summary>The first condition that matches decides.</summary>
    /// <param name="Cases">The conditions in order.</param>
    public sealed record Conditional(IReadOnlyList<Condition> Cases) : Setting
    {
        /// <inheritdoc/>
        public override double? Evaluate(string tensor, double position) =>
            Cases.FirstOrDefault(condition => condition.Matches(tensor))?.Value.Evaluate(tensor, position);

        /// <inheritdoc/>
        public override string ToString() => $"[{string.Join(", ", Cases)}]";
    }

    private sealed class SettingJson : JsonConverter<Setting>
    {
        public override Setting Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
        {
            try
            {
                return From(StrictJson.Value(ref reader));
            }
            catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException)
            {
                throw new JsonException("A setting is a number, a list of numbers, or a list of conditions.", e);
            }
        }

        public override void Write(Utf8JsonWriter writer, Setting value, JsonSerializerOptions options)
        {
            switch (value)
            {
                case Number number:
                    writer.WriteNumberValue(number.Value);
                    break;
                case Gradient gradient:
                    writer.WriteStartArray();
                    foreach (var item in gradient.Values)
                        writer.WriteNumberValue(item);
                    writer.WriteEndArray();
                    break;
                case Conditional conditional:
                    writer.WriteStartArray();
                    foreach (var condition in conditional.Cases)
                    {
                        writer.WriteStartObject();
                        if (condition.Filter is not null)
                            writer.WriteString("filter", condition.Filter);
                        writer.WritePropertyName("tensors");
                        JsonSerializer.Serialize(writer, condition.Tensors, options);
                        writer.WritePropertyName("value");
                        Write(writer, condition.Value, options);
                        writer.WriteEndObject();
                    }

                    writer.WriteEndArray();
                    break;
            }
        }

        private static Setting From(JsonElement json) => json.ValueKind switch
        {
            JsonValueKind.Number => new Number(json.GetDouble()),
            _ when json[0].ValueKind == JsonValueKind.Number => new Gradient([.. json.EnumerateArray().Select(item => item.GetDouble())]),
            _ => new Conditional([.. json.EnumerateArray().Select(item => new Condition(From(item.GetProperty("value")))
            {
                Filter = item.TryGetProperty("filter", out var filter) ? filter.GetString() : null,
                Tensors = [.. item.GetProperty("tensors").EnumerateArray().Select(glob => glob.GetString()!)],
            })]),
        };
    }
}
