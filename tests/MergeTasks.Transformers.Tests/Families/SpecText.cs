using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Tests.Families;

/// <summary>Everything that a specification says, as text, so that two can be compared; functions by their values at some places.</summary>
internal static class SpecText
{
    private static readonly int[] Lengths = [1, 2, 7, 9, 13, 21, 33, 65, 129, 300, 5000, 200000];

    public static string Of(TransformerSpec spec)
    {
        var text = new StringBuilder();
        Write(spec, text);
        return text.ToString();
    }

    private static void Write(object? value, StringBuilder text)
    {
        switch (value)
        {
            case null:
                text.Append("null;");
                break;
            case RopeSpec rope:
                Write(rope.Interleaved, text);
                foreach (var length in Lengths)
                {
                    Write(rope.FrequenciesFor(length), text);
                    Write(rope.AttentionFor(length), text);
                }

                break;
            case Func<int, double> function:
                Write(Lengths.Select(function).ToArray(), text);
                break;
            case string or bool or Enum:
                text.Append(value).Append(';');
                break;
            case IFormattable number:
                text.Append(number.ToString(null, CultureInfo.InvariantCulture)).Append(';');
                break;
            case IEnumerable items:
                text.Append('[');
                foreach (var item in items)
                    Write(item, text);
                text.Append(']');
                break;
            default:
                text.Append(value.GetType().Name).Append('{');
                foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
                    if (property.GetIndexParameters().Length == 0)
                        Write(property.GetValue(value), text);
                if (value is System.Runtime.CompilerServices.ITuple tuple)
                    for (var i = 0; i < tuple.Length; i++)
                        Write(tuple[i], text);
                text.Append('}');
                break;
        }
    }
}
