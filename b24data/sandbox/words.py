"""The words of the sandbox's records: what stands in titles, names and comments."""

from __future__ import annotations

FIRST_NAMES = [
    "Анна", "Мария", "Ольга", "Елена", "Ирина", "Дмитрий", "Алексей", "Сергей", "Иван", "Фёдор",
    "Anna", "John", "Klaus", "Zoë", "José", "Siân", "王伟", "李娜", "张敏", "陈静",
]  # fmt: skip
LAST_NAMES = [
    "Иванов", "Смирнова", "Кузнецов", "Попова", "Ершов-Щукин", "Weber", "O'Neill", "Müller", "Núñez", "Smith",
    "D\"Arcy", "刘", "欧阳", "Ким", "Nguyễn",
]  # fmt: skip
POSITIONS = ["Sales manager", "Директор", "Бухгалтер", "采购经理", "CTO", "", None]
COMPANY_NAMES = [
    "ООО «Ромашка»", "АО \"Вектор\"", "ИП Щукин", "Завод «Северный ветер»", "ТД Альянс/Юг", "Acme Inc.",
    "Blue Ocean & Sons", "O'Brien \\ Partners", "Ünal GmbH", "北京科技有限公司", "上海贸易 🚢", "Кафе ☕ «Уют»",
]  # fmt: skip
DEAL_TITLES = [
    "Поставка оборудования", "Годовое обслуживание", "Внедрение CRM", "Ремонт офиса", "Лицензии на 50 мест",
    "Рекламная кампания 🎯", "Website redesign", "Spare parts", "Consulting \"turn-key\"", "Annual contract",
    "Warehouse rack A/B", "设备采购", "年度服务合同", "展会搭建 🎪", "Доставка\nи монтаж",
]  # fmt: skip
LEAD_TITLES = ["Заявка с сайта", "Звонок", "Web form", "Чат 💬", "询价", "Trade show card", 'Письмо "на info@"']
TASK_TITLES = [
    "Позвонить клиенту", "Подготовить КП", "Согласовать договор", "Send the invoice", "Call back ☎️", "准备合同",
    "Check the budget", "Обновить прайс\tQ3",
]  # fmt: skip
ACTIVITY_SUBJECTS = [
    "Исходящий звонок",
    "Входящий звонок",
    "Встреча",
    "Письмо: КП",
    "Outgoing call",
    "会议",
    "Reminder ⏰",
]
COMMENTS = [
    None, "", "Перезвонить после 15:00", "Клиент просит скидку 5 %", "Prefers e-mail / no calls",
    "Line one\nline two", "Quoted \"text\" and a back\\slash", "<b>Важно</b><br>см. договор", "需要增值税发票",
    "👍🏽 готов платить", "tab\there", "NULL", "0",
]  # fmt: skip
CITIES = ["Москва", "Санкт-Петербург", "Казань", "Екатеринбург", "Berlin", "Алматы", "上海", "Минск", None]
STREETS = ["ул. Ленина, 1", "Невский пр., 28/2", "пл. Труда, д. 3, кв. 15", "Hauptstraße 5", "南京东路 100 号"]
UTM_SOURCES = [None, None, None, "google", "yandex", "vk", "newsletter"]
UTM_MEDIUMS = [None, None, None, "CPC", "CPM", "email"]
UTM_CAMPAIGNS = [None, None, None, None, "spring_sale", "Осень-2025", "brand"]
UTM_CONTENTS = [None, None, None, "banner_a", "banner_b"]
UTM_TERMS = [None, None, None, None, "crm купить", "buy crm"]
DEPARTMENTS = [
    ("Компания", 0), ("Отдел продаж", 1), ("Marketing and advertising", 1), ("Бухгалтерия", 1), ("R&D", 1),
    ("Продажи: Юг", 2), ("Продажи: 中国", 2),
]  # fmt: skip
GROUPS = ["Проект «Запуск»", "Website", "市场"]
